/* curlerror.c - a transfer that brought no reply. See curlerror.h; the table is that of doc/semantics.md, section 3. */
#include "curlerror.h"

#include <string.h>
#include <time.h>

/* CURLE_TOO_LARGE, which headers below 8.6 lack. A header of over 100 KiB ends so; with libcurl below that, as out of memory. */
#define TOO_LARGE ((CURLcode)100)

/* The libcurl codes that mean more than "it failed". */
static const struct row {
  CURLcode code;
  const char *kind;
  int retryable;
} rows[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, "network", 1},
    {CURLE_COULDNT_RESOLVE_HOST, "network", 1},
    {CURLE_COULDNT_CONNECT, "network", 1},
    {CURLE_PROXY, "network", 1},
    {CURLE_HTTP2, "network", 1},
    {CURLE_PARTIAL_FILE, "protocol", 1},
    {CURLE_OPERATION_TIMEDOUT, "timeout", 1},
    {CURLE_GOT_NOTHING, "network", 1},
    {CURLE_SEND_ERROR, "network", 1},
    {CURLE_RECV_ERROR, "network", 1},
    {CURLE_HTTP2_STREAM, "network", 1},
    {CURLE_SSL_CONNECT_ERROR, "tls", 1},
    {CURLE_USE_SSL_FAILED, "tls", 0},
    {CURLE_SSL_SHUTDOWN_FAILED, "tls", 0},
    {CURLE_SSL_CRL_BADFILE, "tls", 0},
    {CURLE_SSL_INVALIDCERTSTATUS, "tls", 0},
    {CURLE_SSL_CLIENTCERT, "tls", 0},
    {CURLE_SSL_CERTPROBLEM, "tls", 0},
    {CURLE_SSL_CIPHER, "tls", 0},
    {CURLE_PEER_FAILED_VERIFICATION, "tls", 0},
    {CURLE_SSL_CACERT_BADFILE, "tls", 0},
    {CURLE_SSL_ISSUER_ERROR, "tls", 0},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "tls", 0},
    {CURLE_WEIRD_SERVER_REPLY, "protocol", 0},
    {CURLE_BAD_CONTENT_ENCODING, "protocol", 0},
    {CURLE_UNSUPPORTED_PROTOCOL, "protocol", 0},  /* a reply without a status line */
};

/* What libraries of TLS say of a certificate whose time has not come, or is over; by which clock is for us to say. */
static const char *const UNTIMELY[] = {"not yet valid", "not activated", "expired", "expiration date"};

static int is_untimely(const char *said) {
  for (size_t i = 0; i < sizeof UNTIMELY / sizeof *UNTIMELY; i++)
    if (strstr(said, UNTIMELY[i]) != NULL) return 1;
  return 0;
}

/* The clock first: a host that has just booted without one is the more frequent cause, and the only one that is ours. */
static void say_untimely(const char *said, struct aicc_error *failure) {
  char day[40] = "";
  time_t now = time(NULL);
  struct tm parts;
  if (gmtime_r(&now, &parts) != NULL) strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &parts);
  aicc_error_say(failure, "is this host's clock right? It says %s UTC. By it, %s", day, said);
}

static void judge_code(const struct aicc_xfer *xfer, struct aicc_error *failure) {
  struct row row = {CURLE_OK, "network", 0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].code == xfer->code) row = rows[i];
  int is_broken = xfer->requests > 1;
  const char *said = xfer->message != NULL ? xfer->message : curl_easy_strerror(xfer->code);
  /* Whatever the code: it may be that of a second connection, made after a kept one broke with the request on it. */
  int not_sent = !xfer->was_written;
  failure->kind = row.kind;
  failure->outcome = not_sent ? AICC_NOT_SENT : AICC_UNKNOWN;
  /* Two lengths in a reply: libcurl below 8.2x misses bytes then, later ones call it weird. Either way it did not come whole. */
  int is_cut = xfer->code == CURLE_PARTIAL_FILE || (xfer->code == CURLE_WEIRD_SERVER_REPLY && xfer->status != 0);
  failure->retryable = row.retryable || is_broken || is_cut;
  /* That we refused a second request is not what happened: the first one brought nothing. */
  failure->curl_code = is_broken && xfer->code == CURLE_ABORTED_BY_CALLBACK ? (int)CURLE_GOT_NOTHING : (int)xfer->code;
  failure->truncated = is_cut;
  if (xfer->no_memory) {
    failure->retryable = 0;
    aicc_error_say(failure, "not enough memory for the reply");
  } else if (xfer->over_limit || xfer->code == TOO_LARGE || (xfer->code == CURLE_OUT_OF_MEMORY && xfer->head_size > 0)) {
    failure->kind = "too_large";
    failure->retryable = 0;
    aicc_error_say(failure, "the reply is larger than %u bytes, or its headers than %u", AICC_REPLY_LIMIT, AICC_HEAD_LIMIT);
  } else if (xfer->proxy_refused) { /* to repeat a wrong password locks accounts */
    failure->kind = "auth";
    failure->retryable = 0;
    aicc_error_say(failure, "the proxy asks for another user name and password (407): check those in the proxy's URL");
  } else if (xfer->code == CURLE_OPERATION_TIMEDOUT) {
    aicc_error_say(failure, not_sent ? "no connection within %.3g s" : "no answer within %.3g s", xfer->elapsed);
  } else if (is_broken) {
    aicc_error_say(failure, "the connection, which had been kept open, broke before an answer came");
  } else if (xfer->code == CURLE_PEER_FAILED_VERIFICATION && is_untimely(said)) {
    say_untimely(said, failure);
  } else if (xfer->code == CURLE_PEER_FAILED_VERIFICATION) {
    aicc_error_say(failure, "%s (is ca_file right?)", said);
  } else {
    aicc_error_say(failure, "%s", said);
  }
}

void aicc_curlerror_judge(const struct aicc_xfer *xfer, struct aicc_error *failure) {
  failure->status = xfer->status;
  switch (xfer->ending) {
    case AICC_BY_CURL:
      judge_code(xfer, failure);
      break;
    case AICC_ABORTED:
      failure->kind = "aborted";
      failure->outcome = xfer->was_written ? AICC_UNKNOWN : AICC_NOT_SENT;
      aicc_error_say(failure, "interrupted after %.3g s", xfer->elapsed);
      break;
    case AICC_CLOSED:
      failure->kind = "closed";
      failure->outcome = xfer->was_written ? AICC_UNKNOWN : AICC_NOT_SENT;
      aicc_error_say(failure, "the session was closed after %.3g s", xfer->elapsed);
      break;
    case AICC_EXPIRED:
      failure->kind = "deadline";
      failure->outcome = AICC_NOT_SENT;
      aicc_error_say(failure, "the deadline passed while %.3g s were spent waiting for other calls", xfer->elapsed);
      break;
    case AICC_FORKED:
      failure->kind = "aborted";
      failure->outcome = AICC_UNKNOWN;
      aicc_error_say(failure, "the call was begun before a fork and belongs to the parent process");
      break;
  }
}
