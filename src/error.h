/*
** error.h - the error table: what went wrong, and what the server may have done (doc/semantics.md, section 2).
**
** The facts are gathered in a struct and become a Lua value once, at the edge.
*/
#ifndef AICC_ERROR_H
#define AICC_ERROR_H

#include <stddef.h>

#include "compat.h"
#include "text.h"

#define AICC_ERROR_META "aicc.error"

/* What the server may have done. */
#define AICC_NOT_SENT "not_sent"
#define AICC_REJECTED "rejected"
#define AICC_UNKNOWN "unknown"

#define AICC_MAX_SECRETS 4

/* What must not be seen in an error: app key, secret, token. */
struct aicc_error_secrets {
  struct aicc_text text[AICC_MAX_SECRETS];
  int count;
};

void aicc_error_add_secret(struct aicc_error_secrets *secrets, const char *data, size_t size);

struct aicc_error {
  const char *operation; /* NULL if it was none */
  const char *kind;
  const char *outcome;
  int retryable;
  int truncated;         /* the reply was cut short */
  long status;           /* 0: no reply */
  int curl_code;         /* 0: not libcurl's doing */
  double retry_after;    /* seconds; negative: not told */
  struct aicc_text result_code, result_message, body;
  char message[512];
};

/* A failure of that kind, not retryable, with nothing else told. */
void aicc_error_init(struct aicc_error *failure, const char *operation, const char *kind, const char *outcome);

/* Sets the message, as printf; what does not fit is cut. */
void aicc_error_say(struct aicc_error *failure, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Pushes the text without the secrets, which stays valid as long as it is on the stack, and makes `text` that. May raise. */
void aicc_error_scrub(lua_State *L, const struct aicc_error_secrets *secrets, struct aicc_text *text);

/* Whether aicc_error_scrub would change the text: seldom, and to find out allocates nothing. */
int aicc_error_would_scrub(const struct aicc_error_secrets *secrets, struct aicc_text text);

/* Pushes nil and the error table, with the secrets (which may be NULL) taken out of every text; returns 2. May raise. */
int aicc_error_push(lua_State *L, const struct aicc_error *failure, const struct aicc_error_secrets *secrets);

/* Pushes the metatable that every error has, made once per Lua state. */
void aicc_error_pushmeta(lua_State *L);

#endif
