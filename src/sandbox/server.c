/*
** server.c - the libmicrohttpd daemon: connections, and requests from their head to their end. See server.h.
**
** One thread per connection, so that a fault that sleeps delays its own connection only. The handler's lock is never held
** while something sleeps or a byte is sent.
*/
#include "server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "request.h"
#include "sys.h"

#define CONNECTION_MEMORY ((size_t)256 << 10) /* bounds a head, both ways */

struct aicc_server {
  struct MHD_Daemon *daemon;
  struct aicc_gate *gate;
  struct aicc_state *state;
  char *cert; /* PEM; MHD may look at them as long as it runs */
  char *key;
  unsigned port;
  bool for_tokens;
  bool starting;       /* guarded by the gate's lock, as is: */
  char complaint[256]; /* the last thing MHD said while it started; errno does not tell */
};

static void on_log(void *cls, const char *format, va_list arguments) {
  struct aicc_server *server = cls;
  pthread_mutex_lock(&server->gate->lock);
  if (server->starting) vsnprintf(server->complaint, sizeof server->complaint, format, arguments);
  pthread_mutex_unlock(&server->gate->lock);
}

/* A connection's own pointer is its serial number. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
  struct aicc_server *server = cls;
  (void)connection;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) *context = (void *)(uintptr_t)aicc_gate_connect(server->gate);
}

static unsigned long serial_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info != NULL ? (unsigned long)(uintptr_t)info->socket_context : 0;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                 const char *value, size_t value_size) {
  struct aicc_buf *headers = cls;
  (void)kind;
  bool stored = aicc_buf_append(headers, name, name_size) == AICC_OK && aicc_buf_append(headers, "", 1) == AICC_OK &&
                (value == NULL || aicc_buf_append(headers, value, value_size) == AICC_OK) &&
                aicc_buf_append(headers, "", 1) == AICC_OK;
  return stored ? MHD_YES : MHD_NO;
}

/* The head is here: NULL without memory. Freed by on_completed. */
static struct aicc_request *new_request(struct aicc_server *server, struct MHD_Connection *connection,
                                        const char *method, const char *path) {
  struct aicc_request *request = malloc(sizeof *request);
  if (request == NULL) return NULL;
  aicc_request_init(request);
  request->gate = server->gate;
  request->connection = serial_of(connection);
  request->for_tokens = server->for_tokens;
  request->time = aicc_sys_now(AICC_MONOTONIC);
  request->method = method;
  request->path = path;
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &request->headers);
  return request;
}

/* MHD calls this for the head, for each piece of the body, and once more at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *piece, size_t *piece_size, void **context) {
  struct aicc_server *server = cls;
  struct aicc_request *request = *context;
  (void)version;
  if (request == NULL) {
    request = *context = new_request(server, connection, method, path);
    if (request == NULL) return MHD_NO;
    aicc_gate_enter(server->gate, &request->inside);
    aicc_state_admit(server->state, request);
    if (!request->drop) return MHD_YES;
    aicc_gate_leave(server->gate, &request->inside);
    return MHD_NO;
  }
  if (*piece_size > 0) {
    enum aicc_buf_status status = aicc_buf_append(&request->body, piece, *piece_size);
    *piece_size = 0;
    return status == AICC_OK ? MHD_YES : MHD_NO;
  }
  if (!request->failed) aicc_state_answer(server->state, request);
  return aicc_answer_send(connection, request);
}

/* Called once per request that on_request has seen, however it ended. */
static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code) {
  struct aicc_server *server = cls;
  struct aicc_request *request = *context;
  (void)connection;
  (void)code;
  if (request == NULL) return;
  aicc_gate_leave(server->gate, &request->inside);
  if (request->ticket != 0) aicc_state_forget(server->state, request);
  aicc_request_free(request);
  free(request);
  *context = NULL;
}

static struct MHD_Daemon *start_daemon(struct aicc_server *server, unsigned port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool tls = server->cert != NULL && server->key != NULL;
  struct MHD_OptionItem certificate[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert},
                                         {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
                                         {MHD_OPTION_END, 0, NULL}};
  struct MHD_OptionItem nothing[] = {{MHD_OPTION_END, 0, NULL}};
  unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG;
  return MHD_start_daemon(flags | (tls ? MHD_USE_TLS : 0), (uint16_t)port, NULL, NULL, on_request, server,
                          MHD_OPTION_EXTERNAL_LOGGER, on_log, server, /* first, to hear about the others */
                          MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                          MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                          MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                          MHD_OPTION_ARRAY, tls ? certificate : nothing, MHD_OPTION_END);
}

/* Every signal is the program's own business: the threads made here inherit a mask that blocks them all. */
static void start_quietly(struct aicc_server *server, unsigned port) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  server->daemon = start_daemon(server, port);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_mutex_lock(&server->gate->lock);
  server->starting = false;
  pthread_mutex_unlock(&server->gate->lock);
  if (server->daemon == NULL) return;
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
  server->port = info != NULL ? info->port : port;
}

/* A copy of `text`, or NULL for NULL; clears *good without memory. */
static char *copy(const char *text, bool *good) {
  char *made = text != NULL ? strdup(text) : NULL;
  if (text != NULL && made == NULL) *good = false;
  return made;
}

struct aicc_server *aicc_server_start(unsigned port, bool for_tokens, const char *cert, const char *key, struct aicc_gate *gate,
                                      struct aicc_state *state, struct aicc_buf *why) {
  struct aicc_server *server = calloc(1, sizeof *server);
  if (server == NULL) return NULL;
  bool good = true;
  server->gate = gate;
  server->state = state;
  server->for_tokens = for_tokens;
  server->starting = true;
  server->cert = copy(cert, &good);
  server->key = copy(key, &good);
  if (good) start_quietly(server, port);
  if (server->daemon != NULL) return server;
  size_t size = strcspn(server->complaint, "\n");
  aicc_buf_append(why, server->complaint, size); /* an empty reason is one without memory */
  aicc_server_stop(server);
  return NULL;
}

unsigned aicc_server_port(const struct aicc_server *server) { return server->port; }

void aicc_server_stop(struct aicc_server *server) {
  if (server == NULL) return;
  aicc_gate_stop(server->gate);
  if (server->daemon != NULL) MHD_stop_daemon(server->daemon);
  free(server->cert);
  free(server->key);
  free(server);
}
