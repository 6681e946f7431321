/* The server of the peer xmlrpc-c: Abyss, a thread for each connection. It
   speaks the protocol of package harness on standard input and output: the
   address first, then for each line that comes its processor time. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/server.h>
#include <xmlrpc-c/server_abyss.h>

static xmlrpc_value *add(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    xmlrpc_int32 a, b;
    xmlrpc_decompose_value(env, args, "(ii)", &a, &b);
    return env->fault_occurred ? NULL : xmlrpc_build_value(env, "i", a + b);
}

static xmlrpc_value *echo(xmlrpc_env *env, xmlrpc_value *args, void *server, void *channel) {
    xmlrpc_value *value;
    xmlrpc_decompose_value(env, args, "(V)", &value);
    return env->fault_occurred ? NULL : value;
}

static void *answer_harness(void *unused) {
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        struct rusage u;
        getrusage(RUSAGE_SELF, &u);
        printf("{\"cpu_ns\":%lld}\n", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL +
                                          (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL);
        fflush(stdout);
    }
    _exit(0);
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

int main(void) {
    xmlrpc_env env;
    xmlrpc_env_init(&env);
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, 16 << 20);
    xmlrpc_registry *registry = xmlrpc_registry_new(&env);
    struct xmlrpc_method_info3 methods[] = {
        {.methodName = "add", .methodFunction = add},
        {.methodName = "list", .methodFunction = echo},
        {.methodName = "records", .methodFunction = echo},
        {.methodName = "blob", .methodFunction = echo},
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        xmlrpc_registry_add_method3(&env, registry, &methods[i]);

    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) || getsockname(fd, (struct sockaddr *)&where, &size))
        die("socket");
    if (listen(fd, 512)) /* Abyss does so again; the address must be good when it is told */
        die("listen");
    printf("{\"addr\":\"tcp://127.0.0.1:%d\"}\n", ntohs(where.sin_port));
    fflush(stdout);

    pthread_t harness;
    if (pthread_create(&harness, NULL, answer_harness, NULL))
        die("pthread_create");

    xmlrpc_server_abyss_parms parms;
    memset(&parms, 0, sizeof parms);
    parms.registryP = registry;
    parms.socket_bound = 1;
    parms.socket_handle = fd;
    parms.uri_path = "/RPC2";
    parms.keepalive_timeout = 3600;
    parms.keepalive_max_conn = 1000000000; /* requests on one connection */
    parms.timeout = 3600;
    parms.max_conn = 1024;
    parms.max_conn_backlog = 512;
    xmlrpc_server_abyss(&env, &parms, XMLRPC_APSIZE(max_conn_backlog));
    if (env.fault_occurred) {
        fprintf(stderr, "xmlrpc-c: %s\n", env.fault_string);
        return 1;
    }
    return 0;
}
