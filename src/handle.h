/*
** handle.h - an easy handle, and what is set on it: what all transfers have in common once, the rest for each that it is lent to.
** Knows no Lua.
*/
#ifndef AICC_HANDLE_H
#define AICC_HANDLE_H

#include "sockets.h"
#include "xfer.h"

/* What every transfer of a session has in common. The strings outlive the session's transfers. */
struct aicc_handle_settings {
  const char *ca_file;     /* NULL for none */
  const char *ca_path;     /* NULL for none */
  const char *proxy;       /* "" for none: the environment is config.lua's business */
  int facts;               /* timings and sizes are wanted */
  int https;               /* else plain http, to a loopback address */
  int verify;
};

/*
** An easy handle, and what is set on it. A pool lends it to one transfer after another: what does not change is set once. The
** pointers are compared and never followed: what they pointed to may be gone.
*/
struct aicc_handle {
  CURL *easy;
  struct aicc_xfer *xfer;        /* that has it now */
  struct aicc_sockets *sockets;
  const CURLU *url;
  const char *target;
  const struct curl_slist *headers;
  const char *body;
  size_t body_size;
  long timeout, connect_timeout; /* milliseconds */
  int fresh_connection;
  char message[CURL_ERROR_SIZE]; /* libcurl's, of the transfer that has it or had it */
};

/*
** Makes an easy handle and sets on it what all transfers have in common. Whatever it returns, aicc_handle_free is to be called.
*/
CURLcode aicc_handle_open(struct aicc_handle *handle, const struct aicc_handle_settings *settings, struct aicc_sockets *sockets);

/* Frees the easy handle, which is in no multi handle, and what it stands in. */
void aicc_handle_free(struct aicc_handle *handle);

/* Gives the easy handle everything that it needs for this transfer. */
CURLcode aicc_handle_lend(struct aicc_handle *handle, struct aicc_xfer *xfer);

/* Reads from the easy handle, while it is still lent, how the transfer ended. `facts`: timings and sizes are wanted, too. */
void aicc_handle_finish(struct aicc_xfer *xfer, enum aicc_xfer_ending ending, CURLcode code, int facts);

#endif
