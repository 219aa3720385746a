/*
** request.c - the memory of a request and of its reply. See request.h.
*/
#include "request.h"

#include <string.h>

/* Larger than what a spec needs, small enough to stop an accident. */
#define HEADERS_LIMIT ((size_t)1 << 20)
#define BODY_LIMIT ((size_t)8 << 20)
#define REPLY_LIMIT ((size_t)64 << 20)

#define STATUS_HANDLER_FAILED 599

static void init_reply(struct aicc_request_answer *reply) {
  memset(reply, 0, sizeof *reply);
  reply->cut = -1;
  aicc_buf_init(&reply->body, REPLY_LIMIT);
  aicc_buf_init(&reply->headers, HEADERS_LIMIT);
  aicc_buf_init(&reply->raw, REPLY_LIMIT);
}

static void free_reply(struct aicc_request_answer *reply) {
  aicc_buf_free(&reply->body);
  aicc_buf_free(&reply->headers);
  aicc_buf_free(&reply->raw);
}

void aicc_request_init(struct aicc_request *request) {
  memset(request, 0, sizeof *request);
  aicc_buf_init(&request->headers, HEADERS_LIMIT);
  aicc_buf_init(&request->body, BODY_LIMIT);
  init_reply(&request->reply);
}

void aicc_request_free(struct aicc_request *request) {
  aicc_buf_free(&request->headers);
  aicc_buf_free(&request->body);
  free_reply(&request->reply);
}

void aicc_request_fail(struct aicc_request *request, const char *message, size_t size) {
  free_reply(&request->reply);
  init_reply(&request->reply);
  request->reply.status = STATUS_HANDLER_FAILED;
  request->failed = true;
  aicc_buf_append(&request->reply.body, message, size); /* without memory the status alone has to tell */
}
