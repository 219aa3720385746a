/*
** answer.c - sends answers through libmicrohttpd, and past it where the bytes are to be wrong. See answer.h.
**
** A request stops counting as in flight *before* its last byte leaves: a client that has its answer may look at the counters
** or send the next request at once, and must not find itself still there.
*/
#include "answer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "gate.h"

#define BLOCK 32768
#define ENDLESS_LIMIT ((uint64_t)64 << 20)
#define POLL_SLICE_MS 50 /* how long a blocked raw write takes to notice a stop */

/* The descriptor under a connection; -1 if MHD does not tell. */
static int socket_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info != NULL ? (int)info->connect_fd : -1;
}

/*
** Makes the kernel send a RST. SO_LINGER would not do: MHD shuts the socket down in good order first. Dissolving the
** association does (Linux).
*/
static void reset(struct MHD_Connection *connection) {
  struct sockaddr nowhere;
  memset(&nowhere, 0, sizeof nowhere);
  nowhere.sa_family = AF_UNSPEC;
  if (connect(socket_of(connection), &nowhere, sizeof nowhere) != 0) return; /* gone already: as good as reset */
}

/* Writes past MHD and TLS. False when the client went away or the server stops. */
static bool write_raw(int fd, struct aicc_gate *gate, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes += sent;
      size -= (size_t)sent;
    } else if (errno == EAGAIN) { /* MHD's sockets do not block */
      struct pollfd writable = {fd, POLLOUT, 0};
      poll(&writable, 1, POLL_SLICE_MS);
    } else if (errno != EINTR) {
      return false;
    }
    if (size > 0 && aicc_gate_stopping(gate)) return false;
  }
  return true;
}

/* A good status line, and then header after header. */
static void write_endless_headers(int fd, struct aicc_gate *gate) {
  static const char start[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  static const char line[] = "X-Endless: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
  if (!write_raw(fd, gate, start, sizeof start - 1)) return;
  for (uint64_t sent = 0; sent < ENDLESS_LIMIT; sent += sizeof line - 1)
    if (!write_raw(fd, gate, line, sizeof line - 1)) return;
}

/* The body, bit by bit: MHD_ContentReaderCallback of whatever drips, is cut, or never ends. */
static ssize_t read_body(void *cls, uint64_t position, char *block, size_t size) {
  struct aicc_request *request = cls;
  const struct aicc_request_answer *reply = &request->reply;
  bool endless = reply->endless == AICC_ENDLESS_BODY;
  uint64_t whole = endless ? ENDLESS_LIMIT : reply->body.length;
  uint64_t end = reply->cut >= 0 && (uint64_t)reply->cut < whole ? (uint64_t)reply->cut : whole;
  if (position < end && reply->drip > 0 && !aicc_gate_nap(request->gate, reply->drip)) end = position;
  if (position >= end) {
    aicc_gate_leave(request->gate, &request->inside);
    return endless && position >= whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
  }
  if (reply->drip > 0) size = 1;
  if (size > end - position) size = (size_t)(end - position);
  if (endless) memset(block, ' ', size);
  else memcpy(block, reply->body.data + position, size);
  if (!endless && position + size == whole) aicc_gate_leave(request->gate, &request->inside);
  return (ssize_t)size;
}

static struct MHD_Response *make_response(struct aicc_request *request) {
  struct aicc_request_answer *reply = &request->reply;
  if (reply->endless == AICC_ENDLESS_BODY)
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_body, request, NULL);
  if (reply->cut >= 0 || reply->drip > 0)
    return MHD_create_response_from_callback(reply->body.length, BLOCK, read_body, request, NULL);
  aicc_gate_leave(request->gate, &request->inside);
  return MHD_create_response_from_buffer(reply->body.length, reply->body.data, MHD_RESPMEM_PERSISTENT);
}

static bool add_headers(struct MHD_Response *response, const struct aicc_buf *headers) {
  const char *name = headers->data, *end = headers->data + headers->length;
  while (name < end) {
    const char *value = name + strlen(name) + 1;
    if (MHD_add_response_header(response, name, value) != MHD_YES) return false;
    name = value + strlen(value) + 1;
  }
  return true;
}

static enum MHD_Result queue(struct MHD_Connection *connection, struct aicc_request *request) {
  struct MHD_Response *response = make_response(request);
  if (response == NULL) return MHD_NO;
  enum MHD_Result result = MHD_NO;
  if (add_headers(response, &request->reply.headers))
    result = MHD_queue_response(connection, request->reply.status, response);
  MHD_destroy_response(response);
  return result;
}

enum MHD_Result aicc_answer_send(struct MHD_Connection *connection, struct aicc_request *request) {
  struct aicc_request_answer *reply = &request->reply;
  if (reply->delay > 0 && !aicc_gate_nap(request->gate, reply->delay)) return MHD_NO;
  if (reply->hold && !aicc_gate_hold(request->gate)) return MHD_NO;
  bool bypass = true;
  if (reply->close == AICC_CLOSE_RESET) {
    aicc_gate_leave(request->gate, &request->inside);
    reset(connection);
  } else if (reply->has_raw) {
    aicc_gate_leave(request->gate, &request->inside);
    write_raw(socket_of(connection), request->gate, reply->raw.data, reply->raw.length);
  } else if (reply->endless == AICC_ENDLESS_HEADERS) {
    write_endless_headers(socket_of(connection), request->gate);
  } else {
    bypass = reply->close == AICC_CLOSE_REQUEST;
  }
  if (!bypass) return queue(connection, request);
  aicc_gate_leave(request->gate, &request->inside);
  return MHD_NO;
}
