/* xfer.c - one transfer. See xfer.h. What takes a reply's bytes runs inside libcurl, and only appends to buffers. */
#include "xfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LARGE_BUFFER (64u << 10) /* a recycled transfer does not keep more than this */

void aicc_xfer_init(struct aicc_xfer *xfer) {
  memset(xfer, 0, sizeof *xfer);
  aicc_buf_init(&xfer->request, AICC_REQUEST_LIMIT);
  aicc_buf_init(&xfer->secrets, AICC_HEAD_LIMIT);
  aicc_buf_init(&xfer->head, AICC_HEAD_LIMIT);
  aicc_buf_init(&xfer->body, AICC_REPLY_LIMIT);
}

/* ---- what comes of a reply ---- */

static int keep(struct aicc_xfer *xfer, struct aicc_buf *buf, const char *bytes, size_t count) {
  enum aicc_buf_status status = aicc_buf_append(buf, bytes, count);
  if (status == AICC_OK) return 1;
  if (status == AICC_TOO_LONG)
    xfer->over_limit = 1;
  else
    xfer->no_memory = 1;
  return 0;
}

int aicc_xfer_take_body(struct aicc_xfer *xfer, const char *bytes, size_t count) { return keep(xfer, &xfer->body, bytes, count); }

int aicc_xfer_take_head(struct aicc_xfer *xfer, const char *line, size_t length) {
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
    return keep(xfer, &xfer->head, line, length);
  }
  return 1;
}

void aicc_xfer_say(struct aicc_xfer *xfer, const char *message) {
  free(xfer->message);
  xfer->message = strdup(message);
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

/* ---- its end ---- */

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
