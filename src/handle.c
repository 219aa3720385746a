/*
** handle.c - an easy handle. See handle.h.
**
** The callbacks below run inside libcurl. They only append to buffers: no Lua value is touched until libcurl has returned.
*/
#include "handle.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sys.h"

#define MAX_IDLE 45L /* seconds; servers and what stands before them close what is idle for a minute */

/* ---- callbacks ---- */

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
  if (xfer->requests == 0 && is_kept && aicc_sockets_is_stale(handle->sockets, local_port)) {
    xfer->found_stale = 1;
    return CURL_PREREQFUNC_ABORT;
  }
  return xfer->requests++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *data) {
  return aicc_xfer_take_body(((const struct aicc_handle *)data)->xfer, bytes, size * count) ? size * count : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *data) {
  return aicc_xfer_take_head(((const struct aicc_handle *)data)->xfer, line, size * count) ? size * count : 0;
}

static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  const struct aicc_handle *handle = data;
  (void)purpose;
  handle->xfer->is_connecting = 1;
  return aicc_sockets_open(handle->sockets, address);
}

static int on_close_socket(void *data, curl_socket_t fd) { return aicc_sockets_close(data, fd); }

/* ---- what is set on it ---- */

static long milliseconds(double seconds) {
  if (seconds > 1e6) seconds = 1e6;
  return seconds <= 0.001 ? 1 : (long)(seconds * 1000); /* 0 would mean libcurl's own default */
}

#define SET(option, value) \
  do { \
    CURLcode code_ = curl_easy_setopt(easy, option, value); \
    if (code_ != CURLE_OK) return code_; \
  } while (0)

/*
** libcurl copies its defaults for these with each transfer, whether it uses TLS or not, to a server or to a proxy. Those that are
** used are set anew below; a libcurl that does not know one has none to copy.
*/
static void forget_certificates(CURL *easy) {
  curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
  curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
  curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
}

CURLcode aicc_handle_open(struct aicc_handle *handle, const struct aicc_handle_settings *settings, struct aicc_sockets *sockets) {
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
  SET(CURLOPT_QUICK_EXIT, 1L); /* or a slow resolver's thread would be waited for, beyond every timeout (also in engine.c) */
#endif
  SET(CURLOPT_MAXAGE_CONN, MAX_IDLE);
  forget_certificates(easy);
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

CURLcode aicc_handle_lend(struct aicc_handle *handle, struct aicc_xfer *xfer) {
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
** Whether the transfer got no further than to a proxy, which did not take its user name and password, or lacked them. What a
** SOCKS proxy said libcurl tells until another one says something: it is this transfer's only where it failed for what a proxy
** said.
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

void aicc_handle_finish(struct aicc_xfer *xfer, enum aicc_xfer_ending ending, CURLcode code, int facts) {
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
