/*
** xfer.c - one transfer. See xfer.h.
**
** The callbacks below run inside libcurl. They only append to buffers: no Lua value is touched until libcurl has returned.
*/
#include "portable.h" /* SOCK_CLOEXEC, strncasecmp */

#include "xfer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"

#define MAX_IDLE 45L             /* seconds; servers and what stands before them close what is idle for a minute */
#define LARGE_BUFFER (64u << 10) /* a recycled transfer does not keep more than this */

/* ---- callbacks ---- */

/* The socket that is bound to that local port; CURL_SOCKET_BAD if none is. */
static curl_socket_t find_socket(struct aicc_sockets *sockets, int port) {
  for (size_t i = 0; i < sockets->count; i++) {
    struct aicc_socket *open = &sockets->open[i];
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (open->port == 0 && getsockname(open->fd, (struct sockaddr *)&address, &size) == 0) {
      if (address.ss_family == AF_INET) open->port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
      if (address.ss_family == AF_INET6) open->port = ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    }
    if (open->port == port) return open->fd;
  }
  return CURL_SOCKET_BAD;
}

/*
** Whether the kept connection that libcurl is about to use has been closed by the other end, or brings what nobody asked for.
** libcurl looks by itself, but takes a reset (7.88) or a TLS goodbye (below 8.0) for a sign of life, and from 8.22 on trusts a
** connection that it used less than a second ago. What was sent on a dead connection would have an outcome that nobody knows.
*/
static int is_stale(struct aicc_sockets *sockets, int port) {
  curl_socket_t fd = port > 0 ? find_socket(sockets, port) : CURL_SOCKET_BAD;
  char byte;
  ssize_t count;
  if (fd == CURL_SOCKET_BAD) return 0;
  do count = recv(fd, &byte, 1, MSG_PEEK);
  while (count < 0 && errno == EINTR);
  return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/*
** libcurl is about to write the request, for the first time or, where a kept connection broke before an answer, for the second:
** then a release would happen twice for one attempt. So the second time is refused, whatever became of the first; and this count
** alone tells whether anything of the request can have been written (libcurl's PRETRANSFER_TIME is set by a failed connect too).
*/
static int on_request(void *data, char *remote, char *local, int remote_port, int local_port) {
  const struct aicc_handle *handle = data;
  struct aicc_xfer *xfer = handle->xfer;
  (void)remote, (void)local, (void)remote_port;
  int is_kept = !xfer->is_connecting && !xfer->fresh_connection; /* a new one may bring a TLS session's ticket */
  if (xfer->requests == 0 && is_kept && is_stale(handle->sockets, local_port)) {
    xfer->found_stale = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  return xfer->requests++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t keep(struct aicc_xfer *xfer, struct aicc_buf *buf, const char *bytes, size_t count) {
  enum aicc_buf_status status = aicc_buf_append(buf, bytes, count);
  if (status == AICC_OK) return count;
  if (status == AICC_TOO_LONG)
    xfer->over_limit = 1;
  else
    xfer->no_memory = 1;
  return 0; /* ends the transfer with CURLE_WRITE_ERROR */
}

static size_t on_write(char *bytes, size_t size, size_t count, void *data) {
  struct aicc_xfer *xfer = ((const struct aicc_handle *)data)->xfer;
  return keep(xfer, &xfer->body, bytes, size * count);
}

int aicc_xfer_head_line(struct aicc_xfer *xfer, const char *line, size_t length) {
  static const struct {
    const char *name;
    size_t size;
  } known[AICC_KNOWN] = {[AICC_RETRY_AFTER] = {"retry-after:", 12}, [AICC_DATE] = {"date:", 5}};
  xfer->head_size += length;
  if (xfer->head_size > AICC_HEAD_LIMIT) {
    xfer->over_limit = 1;
    return 0;
  }
  if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* after a 100 Continue comes the real one */
    xfer->head.length = 0;
    xfer->has_head = 0;
    memset(xfer->header_at, 0, sizeof xfer->header_at);
  }
  if (length > 0 && length <= 2 && line[length - 1] == '\n') xfer->has_head = 1;
  for (int i = 0; i < AICC_KNOWN; i++) {
    if (length < known[i].size || (line[0] | ' ') != known[i].name[0] || xfer->header_at[i] != 0) continue;
    if (strncasecmp(line, known[i].name, known[i].size) != 0) continue;
    xfer->header_at[i] = xfer->head.length + known[i].size;
    return keep(xfer, &xfer->head, line, length) == length;
  }
  return 1;
}

static size_t on_header(char *line, size_t size, size_t count, void *data) {
  return aicc_xfer_head_line(((const struct aicc_handle *)data)->xfer, line, size * count) ? size * count : 0;
}

static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  const struct aicc_handle *handle = data;
  struct aicc_sockets *sockets = handle->sockets;
  (void)purpose;
  handle->xfer->is_connecting = 1;
  if (sockets->count == sockets->capacity) {
    size_t capacity = sockets->capacity > 0 ? sockets->capacity * 2 : 8;
    struct aicc_socket *open = realloc(sockets->open, capacity * sizeof *open);
    if (open == NULL) return CURL_SOCKET_BAD;
    sockets->open = open;
    sockets->capacity = capacity;
  }
#if AICC_LINUX
  curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd == CURL_SOCKET_BAD) return fd;
#else
  curl_socket_t fd = socket(address->family, address->socktype, address->protocol);
  if (fd == CURL_SOCKET_BAD) return fd;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  struct stat info;
  sockets->open[sockets->count].fd = fd;
  sockets->open[sockets->count].port = 0;
  sockets->open[sockets->count++].inode = fstat(fd, &info) == 0 ? info.st_ino : 0;
  return fd;
}

static int on_close_socket(void *data, curl_socket_t fd) {
  struct aicc_sockets *sockets = data;
  for (size_t i = 0; i < sockets->count; i++) {
    if (sockets->open[i].fd != fd) continue;
    sockets->open[i] = sockets->open[--sockets->count];
    break;
  }
  return close(fd);
}

void aicc_sockets_close(struct aicc_sockets *sockets) {
  struct stat info;
  while (sockets->count > 0) {
    const struct aicc_socket *socket = &sockets->open[--sockets->count];
    if (fstat(socket->fd, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_ino == socket->inode) close(socket->fd);
  }
}

/* ---- the transfer ---- */

void aicc_xfer_init(struct aicc_xfer *xfer) {
  memset(xfer, 0, sizeof *xfer);
  aicc_buf_init(&xfer->request, AICC_REQUEST_LIMIT);
  aicc_buf_init(&xfer->secrets, AICC_HEAD_LIMIT);
  aicc_buf_init(&xfer->head, AICC_HEAD_LIMIT);
  aicc_buf_init(&xfer->body, AICC_REPLY_LIMIT);
}

static long milliseconds(double seconds) {
  if (seconds > 1e6) seconds = 1e6;
  return seconds <= 0.001 ? 1 : (long)(seconds * 1000); /* 0 would mean libcurl's own default */
}

#define SET(option, value) \
  do { \
    CURLcode code_ = curl_easy_setopt(easy, option, value); \
    if (code_ != CURLE_OK) return code_; \
  } while (0)

CURLcode aicc_handle_open(struct aicc_handle *handle, const struct aicc_settings *settings, struct aicc_sockets *sockets) {
  memset(handle, 0, sizeof *handle);
  handle->sockets = sockets;
  handle->body_size = SIZE_MAX; /* which is not 0, libcurl's word for `a string` */
  CURL *easy = handle->easy = curl_easy_init();
  if (easy == NULL) return CURLE_OUT_OF_MEMORY;
  SET(CURLOPT_PRIVATE, handle);
  SET(CURLOPT_PREREQDATA, handle);
  SET(CURLOPT_WRITEDATA, handle);
  SET(CURLOPT_HEADERDATA, handle);
  SET(CURLOPT_ERRORBUFFER, handle->message);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_POST, 1L);
  SET(CURLOPT_PREREQFUNCTION, on_request);
  SET(CURLOPT_WRITEFUNCTION, on_write);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  SET(CURLOPT_OPENSOCKETDATA, handle);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  SET(CURLOPT_CLOSESOCKETDATA, sockets); /* a connection's, which outlives the transfer that opened it */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L); /* libcurl would carry x-app-key to the new host */
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy's CONNECT carries none of our headers */
  SET(CURLOPT_NOPROXY, "");
  SET(CURLOPT_PROXY, settings->proxy);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, settings->https ? "https" : "http");
#else
  SET(CURLOPT_PROTOCOLS, settings->https ? (long)CURLPROTO_HTTPS : (long)CURLPROTO_HTTP);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* or a slow resolver's thread would be waited for, beyond every timeout (also in pool.c) */
#endif
  SET(CURLOPT_MAXAGE_CONN, MAX_IDLE);
  if (strncasecmp(settings->proxy, "https:", 6) == 0) { /* a proxy is always verified */
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_CAINFO, settings->ca_file);
    SET(CURLOPT_PROXY_CAPATH, settings->ca_path);
  }
  if (settings->https) {
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, settings->verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, settings->verify ? 2L : 0L);
    SET(CURLOPT_CAINFO, settings->ca_file);
    SET(CURLOPT_CAPATH, settings->ca_path);
  }
  return CURLE_OK;
}

void aicc_handle_free(struct aicc_handle *handle) {
  curl_easy_cleanup(handle->easy);
  free(handle);
}

/* As SET, where the value is not what is set already. */
#define CHANGE(option, type, field, value) \
  do { \
    if (handle->field != (value)) { \
      SET(option, (type)(value)); \
      handle->field = (value); \
    } \
  } while (0)

CURLcode aicc_xfer_setup(struct aicc_xfer *xfer, struct aicc_handle *handle) {
  CURL *easy = handle->easy;
  double timeout = xfer->timeout;
  if (xfer->not_after < HUGE_VAL) {
    double left = xfer->not_after - aicc_sys_now(AICC_MONOTONIC);
    if (left < timeout) timeout = left;
  }
  long most = milliseconds(timeout);
  long connecting = xfer->connect_timeout < timeout ? milliseconds(xfer->connect_timeout) : most;
  CHANGE(CURLOPT_TIMEOUT_MS, long, timeout, most);
  CHANGE(CURLOPT_CONNECTTIMEOUT_MS, long, connect_timeout, connecting);
  CHANGE(CURLOPT_CURLU, CURLU *, url, xfer->url);
  CHANGE(CURLOPT_REQUEST_TARGET, const char *, target, xfer->target);
  CHANGE(CURLOPT_HTTPHEADER, struct curl_slist *, headers, xfer->headers->list);
  CHANGE(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t, body_size, xfer->request.length);
  CHANGE(CURLOPT_POSTFIELDS, const char *, body, xfer->request.data); /* not copied: it leaves in one piece with the head */
  CHANGE(CURLOPT_FRESH_CONNECT, long, fresh_connection, xfer->fresh_connection);
  handle->message[0] = '\0';
  handle->xfer = xfer;
  return CURLE_OK;
}

/*
** Whether the transfer got no further than to a proxy, which did not take its user name and password, or lacked them. What a SOCKS
** proxy said libcurl tells until another one says something: it is this transfer's only where it failed for what a proxy said.
*/
static int is_refused_by_proxy(CURL *easy, CURLcode code) {
  long status = 0, proxy = CURLPX_OK;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
  if (code == CURLE_PROXY) curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &proxy);
  return status == 407 || proxy == CURLPX_USER_REJECTED || proxy == CURLPX_NO_AUTH;
}

static double seconds_of(CURL *easy, CURLINFO info) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, info, &microseconds);
  return (double)microseconds / 1e6;
}

/* Reads what is told of a transfer beside its result. */
static void read_facts(struct aicc_xfer *xfer, CURL *easy) {
  static const CURLINFO phases[] = {CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T,
                                    CURLINFO_PRETRANSFER_TIME_T, CURLINFO_STARTTRANSFER_TIME_T};
  curl_off_t sent = 0;
  for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) xfer->timing[i] = seconds_of(easy, phases[i]);
  if (!xfer->was_written)
    xfer->timing[3] = 0;
  else if (curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK)
    xfer->sent = (size_t)sent;
  xfer->reused = xfer->was_written && !xfer->is_connecting;
}

void aicc_xfer_say(struct aicc_xfer *xfer, const char *message) {
  free(xfer->message);
  xfer->message = strdup(message);
}

void aicc_xfer_finish(struct aicc_xfer *xfer, enum aicc_xfer_ending ending, CURLcode code, int facts) {
  xfer->ending = ending;
  xfer->code = code;
  if (facts || code != CURLE_OK || ending != AICC_BY_CURL) xfer->elapsed = aicc_sys_now(AICC_MONOTONIC) - xfer->started;
  if (xfer->handle == NULL) return;
  CURL *easy = xfer->handle->easy;
  xfer->was_written = xfer->requests > 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &xfer->status);
  if (facts) read_facts(xfer, easy);
  if (code == CURLE_OK) return;
  if (xfer->handle->message[0] != '\0') aicc_xfer_say(xfer, xfer->handle->message);
  xfer->proxy_refused = !xfer->was_written && ending == AICC_BY_CURL && is_refused_by_proxy(easy, code);
}

const char *aicc_xfer_header(const struct aicc_xfer *xfer, enum aicc_xfer_known_header which, size_t *size) {
  if (xfer->header_at[which] == 0) return NULL;
  const char *value = xfer->head.data + xfer->header_at[which], *end = xfer->head.data + xfer->head.length;
  const char *stop = memchr(value, '\n', (size_t)(end - value));
  if (stop == NULL) stop = end;
  while (value < stop && (*value == ' ' || *value == '\t')) value++;
  while (stop > value && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t')) stop--;
  *size = (size_t)(stop - value);
  return value;
}

static void empty(struct aicc_buf *buf) {
  if (buf->capacity > LARGE_BUFFER)
    aicc_buf_free(buf);
  else
    aicc_buf_wipe(buf);
}

void aicc_xfer_recycle(struct aicc_xfer *xfer) {
  struct aicc_buf request = xfer->request, secrets = xfer->secrets, head = xfer->head, body = xfer->body;
  empty(&request);
  empty(&secrets);
  empty(&head);
  empty(&body);
  aicc_headers_release(xfer->headers);
  free(xfer->message);
  aicc_xfer_init(xfer);
  xfer->request = request;
  xfer->secrets = secrets;
  xfer->head = head;
  xfer->body = body;
}

void aicc_xfer_free(struct aicc_xfer *xfer) {
  if (xfer == NULL) return;
  aicc_headers_release(xfer->headers);
  free(xfer->message);
  aicc_buf_free(&xfer->request);
  aicc_buf_free(&xfer->secrets);
  aicc_buf_free(&xfer->head);
  aicc_buf_free(&xfer->body);
  free(xfer);
}
