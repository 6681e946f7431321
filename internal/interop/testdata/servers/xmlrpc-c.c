/* The Abyss server of xmlrpc-c. Its first line of output is its port. Nobody
   needs it for longer than the alarm. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/server.h>
#include <xmlrpc-c/server_abyss.h>

static xmlrpc_value *see(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    char *name;
    xmlrpc_value *value;
    xmlrpc_decompose_value(env, args, "(sV)", &name, &value);
    if (env->fault_occurred)
        return NULL;
    free(name);
    return value;
}

static xmlrpc_value *nothing(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    return xmlrpc_build_value(env, "s", "nothing");
}

static xmlrpc_value *refuse(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    xmlrpc_env_set_fault(env, 42, "no <luck> & more");
    return NULL;
}

static xmlrpc_value *divide(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    xmlrpc_int32 a, b;
    xmlrpc_decompose_value(env, args, "(ii)", &a, &b);
    if (!env->fault_occurred && b == 0)
        xmlrpc_faultf(env, "divided by zero");
    return env->fault_occurred ? NULL : xmlrpc_build_value(env, "i", a / b);
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

int main(void) {
    alarm(900);
    xmlrpc_env env;
    xmlrpc_env_init(&env);
    xmlrpc_registry *registry = xmlrpc_registry_new(&env);
    struct xmlrpc_method_info3 methods[] = {
        {.methodName = "see", .methodFunction = see, .help = "Returns the value."},
        {.methodName = "nothing", .methodFunction = nothing, .signatureString = "s:"},
        {.methodName = "refuse", .methodFunction = refuse, .signatureString = "s:s"},
        {.methodName = "divide", .methodFunction = divide, .signatureString = "i:ii"},
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        xmlrpc_registry_add_method3(&env, registry, &methods[i]);

    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) || getsockname(fd, (struct sockaddr *)&where, &size))
        die("socket");
    if (listen(fd, 16)) /* Abyss does so again; the port must be good when it is told */
        die("listen");
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);

    xmlrpc_server_abyss_parms parms;
    memset(&parms, 0, sizeof parms);
    parms.registryP = registry;
    parms.socket_bound = 1;
    parms.socket_handle = fd;
    parms.uri_path = "/RPC2";
    xmlrpc_server_abyss(&env, &parms, XMLRPC_APSIZE(uri_path));
    if (env.fault_occurred) {
        fprintf(stderr, "xmlrpc-c: %s\n", env.fault_string);
        return 1;
    }
    return 0;
}
