/*
** request.h - one request and its answer, as server.c (HTTP) and state.c (Lua) hand them to each other. Knows neither.
**
** server.c owns a request from its head to MHD's completion callback and frees it there; state.c only fills in the answer.
*/
#ifndef AICC_SANDBOX_REQUEST_H
#define AICC_SANDBOX_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct aicc_gate;

enum aicc_request_close { AICC_CLOSE_NO, AICC_CLOSE_REQUEST, AICC_CLOSE_RESET };
enum aicc_request_endless { AICC_ENDLESS_NO, AICC_ENDLESS_BODY, AICC_ENDLESS_HEADERS };

struct aicc_request_answer {
  unsigned status;
  struct aicc_buf body;
  struct aicc_buf headers;  /* name, NUL, value, NUL, and so on */
  struct aicc_buf raw;      /* bytes for the socket, where has_raw */
  bool has_raw;
  bool hold;
  double delay;             /* seconds before anything is sent */
  double drip;              /* seconds before each byte of the body; 0: all at once */
  long long cut;            /* this many bytes of the body are sent, and no more; -1: all */
  enum aicc_request_close close;
  enum aicc_request_endless endless;
};

struct aicc_request {
  unsigned long connection;
  bool for_tokens;          /* it came to the port that is for tokens only */
  double time;              /* when its head was here, on CLOCK_MONOTONIC */
  const char *method;       /* MHD's, as long as the request lives */
  const char *path;
  struct aicc_buf headers;  /* name, NUL, value, NUL, and so on, in the order they came */
  struct aicc_buf body;
  long ticket;              /* what the handler calls it; 0: it does not know it, or has answered it */
  bool drop;                /* the handler wants the connection closed before the body is read */
  bool failed;              /* `reply` holds the handler's error: do not ask it again */
  bool inside;              /* counted as in flight */
  struct aicc_request_answer reply;
  struct aicc_gate *gate;   /* where a dripping body naps */
};

void aicc_request_init(struct aicc_request *request);
void aicc_request_free(struct aicc_request *request);

/* Makes the reply the one to an error in the handler itself: status 599 and the message. */
void aicc_request_fail(struct aicc_request *request, const char *message, size_t size);

#endif
