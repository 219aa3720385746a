/*
** xfer.h - one transfer: a POST and its reply, and what is known of how it ended. Knows no Lua.
**
** A transfer is filled in by its starter (call.c), run by a pool (pool.c) on an easy handle that is lent to it (handle.c), and
** read by reading.c. The buffers are the transfer's own; the URL belongs to the session; the headers are shared and counted.
*/
#ifndef AICC_XFER_H
#define AICC_XFER_H

#include <stdint.h>

#include "buf.h"
#include "headers.h"
#include "libcurl.h"

#define AICC_REPLY_LIMIT (1u << 20)
#define AICC_HEAD_LIMIT (64u << 10)

enum aicc_xfer_ending {
  AICC_BY_CURL,   /* `code` tells */
  AICC_CLOSED,    /* its session was closed */
  AICC_ABORTED,   /* the caller was interrupted */
  AICC_EXPIRED,   /* its time was up before there was room for it in the window */
  AICC_FORKED     /* it belongs to the parent process */
};

/* The reply's headers that mean something. */
enum aicc_xfer_known_header { AICC_RETRY_AFTER, AICC_DATE, AICC_KNOWN };

struct aicc_xfer {
  struct aicc_xfer *next;        /* in the pool's list that it is on */
  struct aicc_xfer *previous;
  uint64_t ticket;
  const void *operation;         /* the starter's: what was asked */

  CURLU *url;                    /* of the server */
  const char *target;            /* the path there, as it is sent */
  struct aicc_headers *headers;  /* one reference */
  struct aicc_buf request;
  struct aicc_buf secrets;       /* each ended by a NUL: what must not be seen in an error, besides the token */
  size_t sent;                   /* bytes of the request's body that have left */
  unsigned requests;             /* how often libcurl was about to send it; the second time is refused */
  int is_connecting;             /* a socket has been opened for it: it is not on a kept connection */
  int found_stale;               /* it was not, and nothing has been sent: to be begun again on a fresh one */
  double timeout;                /* seconds, for the attempt on the wire */
  double connect_timeout;        /* seconds */
  double started;                /* monotonic; when it was asked for */
  double not_after;              /* monotonic; whatever happens, it is over then */
  int fresh_connection;

  struct aicc_handle *handle;    /* lent while it runs */
  enum aicc_xfer_ending ending;
  CURLcode code;
  int over_limit;                /* the reply was larger than a cap */
  int no_memory;                 /* for the reply */
  int was_written;               /* the request may have reached the server */
  int proxy_refused;             /* a proxy wants another user name or password */
  int reused;                    /* on a connection that was open before */
  long status;                   /* 0 if no reply began */
  double elapsed;                /* seconds since `started` */
  double timing[5];              /* seconds after it began: name, connect, TLS, request written, first byte */
  size_t head_size;              /* bytes of all the replies' heads, for the cap */
  struct aicc_buf head;          /* of the last reply: its lines that mean something, the first of each, as they came */
  size_t header_at[AICC_KNOWN];  /* where in it the value of each begins; 0 if it has none */
  int has_head;                  /* up to the empty line: libcurl takes a connection's end for it, too */
  struct aicc_buf body;
  char *message;                 /* libcurl's, of a failure; NULL where there is none, or no memory for it */
};

void aicc_xfer_init(struct aicc_xfer *xfer);

/* Takes a line of a reply's head, or some of its body. Returns 0 where that is too much: then the transfer is to end. */
int aicc_xfer_take_head(struct aicc_xfer *xfer, const char *line, size_t length);
int aicc_xfer_take_body(struct aicc_xfer *xfer, const char *bytes, size_t count);

/* Keeps what is to be said of a failure. */
void aicc_xfer_say(struct aicc_xfer *xfer, const char *message);

/* The value of the reply's header, trimmed; NULL if it has none. */
const char *aicc_xfer_header(const struct aicc_xfer *xfer, enum aicc_xfer_known_header which, size_t *size);

/* Ready for the next request: releases the headers, forgets both bodies, gives back large memory. */
void aicc_xfer_recycle(struct aicc_xfer *xfer);

void aicc_xfer_free(struct aicc_xfer *xfer);

#endif
