/* A client made with xmlrpc-c, whose transport is libcurl. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmlrpc-c/base.h>
#include <xmlrpc-c/client.h>

static const char *url;
static xmlrpc_env env; /* for building values and reading them */

/* show writes a value with its kind, so that equal texts are equal values. */
static void show(FILE *out, xmlrpc_value *v)
{
	switch (xmlrpc_value_type(v)) {
	case XMLRPC_TYPE_INT: {
		int n;
		xmlrpc_read_int(&env, v, &n);
		fprintf(out, "int %d", n);
		break;
	}
	case XMLRPC_TYPE_I8: {
		xmlrpc_int64 n;
		xmlrpc_read_i8(&env, v, &n);
		fprintf(out, "i8 %lld", (long long)n);
		break;
	}
	case XMLRPC_TYPE_BOOL: {
		xmlrpc_bool b;
		xmlrpc_read_bool(&env, v, &b);
		fputs(b ? "true" : "false", out);
		break;
	}
	case XMLRPC_TYPE_DOUBLE: {
		double d;
		xmlrpc_read_double(&env, v, &d);
		fprintf(out, "double %.17g", d);
		break;
	}
	case XMLRPC_TYPE_DATETIME: {
		const char *s;
		xmlrpc_read_datetime_8601(&env, v, &s);
		fprintf(out, "date %s", s);
		free((void *)s);
		break;
	}
	case XMLRPC_TYPE_STRING: {
		size_t n;
		const char *s;
		xmlrpc_read_string_lp(&env, v, &n, &s);
		fputc('"', out);
		fwrite(s, 1, n, out);
		fputc('"', out);
		free((void *)s);
		break;
	}
	case XMLRPC_TYPE_BASE64: {
		size_t n;
		const unsigned char *b;
		xmlrpc_read_base64(&env, v, &n, &b);
		fputs("binary ", out);
		for (size_t i = 0; i < n; i++)
			fprintf(out, "%02x", b[i]);
		free((void *)b);
		break;
	}
	case XMLRPC_TYPE_ARRAY: {
		fputc('[', out);
		for (int i = 0, n = xmlrpc_array_size(&env, v); i < n; i++) {
			xmlrpc_value *item;
			xmlrpc_array_read_item(&env, v, i, &item);
			fputs(i ? ", " : "", out);
			show(out, item);
			xmlrpc_DECREF(item);
		}
		fputc(']', out);
		break;
	}
	case XMLRPC_TYPE_STRUCT: { /* the server sorts the names, and so do we */
		fputc('{', out);
		for (int i = 0, n = xmlrpc_struct_size(&env, v); i < n; i++) {
			xmlrpc_value *name, *item;
			xmlrpc_struct_read_member(&env, v, i, &name, &item);
			fputs(i ? ", " : "", out);
			show(out, name);
			fputs(": ", out);
			show(out, item);
			xmlrpc_DECREF(name);
			xmlrpc_DECREF(item);
		}
		fputc('}', out);
		break;
	}
	case XMLRPC_TYPE_NIL:
		fputs("nil", out);
		break;
	default:
		fputs("another type", out);
	}
}

static char *text(xmlrpc_value *v)
{
	char *s;
	size_t n;
	FILE *out = open_memstream(&s, &n);
	show(out, v);
	fclose(out);
	return s;
}

/* line prints a case and its outcome on one line, at most so many characters. */
static void line(const char *name, const char *outcome, const char *s, int most)
{
	printf("%s\t%s\t", name, outcome);
	for (; *s; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80 && most-- == 0)
			break; /* before the first byte of a character */
		putchar(*s == '\n' || *s == '\r' || *s == '\t' ? ' ' : *s);
	}
	putchar('\n');
}

/* compare prints what a call came to. */
static void compare(const char *name, xmlrpc_env *call, xmlrpc_value *answer, xmlrpc_value *want)
{
	if (call->fault_occurred) {
		line(name, "error", call->fault_string, 120);
		return;
	}
	char *a = text(answer), *w = text(want);
	if (strcmp(a, w) == 0)
		printf("%s\tok\n", name);
	else
		line(name, "got", a, 80);
	free(a);
	free(w);
}

/* check sends a value and takes it back, and takes the reference to it. */
static void check(const char *name, xmlrpc_value *value)
{
	if (env.fault_occurred) { /* the value could not be built */
		line(name, "error", env.fault_string, 120);
		xmlrpc_env_clean(&env);
		xmlrpc_env_init(&env);
		return;
	}
	xmlrpc_env call;
	xmlrpc_env_init(&call);
	xmlrpc_value *answer = xmlrpc_client_call(&call, url, "see", "(sV)", name, value);
	compare(name, &call, answer, value);
	if (!call.fault_occurred)
		xmlrpc_DECREF(answer);
	xmlrpc_DECREF(value);
	xmlrpc_env_clean(&call);
}

static void none(void)
{
	xmlrpc_env call;
	xmlrpc_env_init(&call);
	xmlrpc_value *want = xmlrpc_string_new(&env, "nothing");
	xmlrpc_value *answer = xmlrpc_client_call(&call, url, "nothing", "()");
	compare("none", &call, answer, want);
	if (!call.fault_occurred)
		xmlrpc_DECREF(answer);
	xmlrpc_DECREF(want);
	xmlrpc_env_clean(&call);
}

static void fault(void)
{
	xmlrpc_env call;
	xmlrpc_env_init(&call);
	xmlrpc_value *answer = xmlrpc_client_call(&call, url, "refuse", "(s)", "please");
	if (!call.fault_occurred) {
		line("fault", "got", "an answer", 80);
		xmlrpc_DECREF(answer);
	} else if (call.fault_code == 42 && strcmp(call.fault_string, "RPC failed at server.  no <luck> & more") == 0) {
		/* the library begins every fault with these words */
		puts("fault\tok");
	} else {
		line("fault", "error", call.fault_string, 120);
	}
	xmlrpc_env_clean(&call);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	url = argv[1];
	xmlrpc_env_init(&env);
	xmlrpc_client_init2(&env, XMLRPC_CLIENT_NO_FLAGS, "interop", "1.0", NULL, 0);

	unsigned char binary[300];
	for (size_t i = 0; i < sizeof binary; i++)
		binary[i] = (unsigned char)i;
	xmlrpc_datetime leap = {.Y = 2024, .M = 2, .D = 29, .h = 13, .m = 45, .s = 6};

	check("int-max", xmlrpc_int_new(&env, 2147483647));
	check("int-min", xmlrpc_int_new(&env, -2147483647 - 1));
	check("i8", xmlrpc_i8_new(&env, 1099511627776));
	check("double", xmlrpc_double_new(&env, 1e300));
	check("fraction", xmlrpc_double_new(&env, 0.1));
	check("unicode", xmlrpc_string_new(&env, "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍"));
	check("spaces", xmlrpc_string_new(&env, " two  spaces, line\nand\ttab "));
	check("empty", xmlrpc_string_new(&env, ""));
	check("true", xmlrpc_bool_new(&env, true));
	check("false", xmlrpc_bool_new(&env, false));
	check("nil", xmlrpc_nil_new(&env));
	check("date", xmlrpc_datetime_new(&env, leap));
	check("binary", xmlrpc_base64_new(&env, sizeof binary, binary));
	check("nested", xmlrpc_build_value(&env, "{s:{},s:(i(is){s:d}),s:()}",
		"empty", "list", 1, 2, "three", "four", 4.5, "none"));
	none();
	fault();

	xmlrpc_client_cleanup();
	xmlrpc_env_clean(&env);
	return 0;
}
