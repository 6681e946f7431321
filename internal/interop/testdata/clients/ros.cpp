// A client made with xmlrpcpp, the XML-RPC library of ROS.
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sstream>
#include <string>

#include <xmlrpcpp/XmlRpc.h>

using XmlRpc::XmlRpcClient;
using XmlRpc::XmlRpcValue;

// line prints a case and its outcome on one line, at most so many characters.
static void line(const char* name, const char* outcome, const std::string& s, int most)
{
	printf("%s\t%s\t", name, outcome);
	for (unsigned char c : s) {
		if ((c & 0xc0) != 0x80 && most-- == 0) {
			break; // before the first byte of a character
		}
		putchar(c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
	}
	putchar('\n');
}

static std::string text(const XmlRpcValue& v)
{
	std::ostringstream out;
	v.write(out);
	return out.str();
}

class Interop {
public:
	Interop(const std::string& host, int port, const std::string& path)
		: client_(host.c_str(), port, path.c_str())
	{
	}

	// check sends a value and takes it back.
	void check(const char* name, const XmlRpcValue& value)
	{
		XmlRpcValue params;
		params[0] = name;
		params[1] = value;
		call(name, "see", params, value);
	}

	void none() { call("none", "nothing", XmlRpcValue(), "nothing"); }

	void fault()
	{
		XmlRpcValue answer;
		if (!client_.execute("refuse", "please", answer)) {
			line("fault", "error", "execute returned false", 120);
		} else if (!client_.isFault()) {
			line("fault", "got", text(answer), 80);
		} else if (int(answer["faultCode"]) == 42 && std::string(answer["faultString"]) == "no <luck> & more") {
			puts("fault\tok");
		} else {
			line("fault", "got", text(answer), 80);
		}
	}

private:
	void call(const char* name, const char* method, const XmlRpcValue& params, const XmlRpcValue& want)
	{
		XmlRpcValue answer;
		if (!client_.execute(method, params, answer)) {
			line(name, "error", "execute returned false", 120);
		} else if (client_.isFault()) {
			line(name, "error", answer["faultString"], 120);
		} else if (answer == want) {
			printf("%s\tok\n", name);
		} else {
			line(name, "got", text(answer), 80);
		}
	}

	XmlRpcClient client_;
};

int main(int argc, char** argv)
{
	char host[64], path[64];
	int port;
	if (argc != 2 || sscanf(argv[1], "http://%63[^:]:%d%63s", host, &port, path) != 3) {
		return 2;
	}
	Interop t(host, port, path);

	std::string binary;
	for (int i = 0; i < 300; i++) {
		binary += char(i);
	}
	tm leap = {};
	leap.tm_year = 2024 - 1900;
	leap.tm_mon = 2 - 1;
	leap.tm_mday = 29;
	leap.tm_hour = 13;
	leap.tm_min = 45;
	leap.tm_sec = 6;

	XmlRpcValue nested, list, inner, four;
	inner[0] = 2;
	inner[1] = "three";
	four["four"] = 4.5;
	list[0] = 1;
	list[1] = inner;
	list[2] = four;
	nested["list"] = list;
	nested["none"].setSize(0);
	nested["empty"].begin(); // makes it a struct

	t.check("int-max", 2147483647);
	t.check("int-min", -2147483647 - 1);
	line("i8", "cannot", "integers have 32 bits", 80);
	t.check("double", 1e300);
	t.check("fraction", 0.1);
	t.check("unicode", "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍");
	t.check("spaces", " two  spaces, line\nand\ttab ");
	t.check("empty", "");
	t.check("true", true);
	t.check("false", false);
	line("nil", "cannot", "there is no nil", 80);
	t.check("date", &leap);
	t.check("binary", XmlRpcValue(&binary[0], int(binary.size())));
	t.check("nested", nested);
	t.none();
	t.fault();
}
