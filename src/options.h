/*
** options.h - a session's options: read from a Lua table, checked one by one, kept as C values.
*/
#ifndef AICC_OPTIONS_H
#define AICC_OPTIONS_H

#include <curl/curl.h>

#include "operation.h"
#include "handle.h"

enum aicc_options_text {
  AICC_BASE_URL,
  AICC_TOKEN_URL, /* where tokens come from, if not from there */
  AICC_APP_KEY,
  AICC_APP_SECRET, /* only so that no error shows it */
  AICC_TENANT,
  AICC_USER_AGENT,
  AICC_CA_FILE,
  AICC_CA_PATH,
  AICC_PROXY,
  AICC_OPTION_TEXTS
};

struct aicc_options {
  char *text[AICC_OPTION_TEXTS];          /* malloc'ed; NULL where not given */
  CURLU *urls[2];                         /* parsed once: of the server that gives tokens, and of the one that takes them */
  char *targets[AICC_OPERATION_COUNT];    /* each operation's path there, as it is sent */
  int verify;
  double timeout, connect_timeout;        /* seconds */
  size_t max_in_flight;
  struct aicc_handle_settings settings;          /* for the pool; points to `text` */
};

/*
** Reads the table at `index` into `options`, which is zeroed and anchored in a userdata: what has been acquired when something
** raises is freed by aicc_options_free. Returns 0 when a content is refused; raises for a wrong type or an unknown option.
*/
int aicc_options_read(lua_State *L, int index, struct aicc_options *options, struct aicc_error *failure);

/* May be called again. */
void aicc_options_free(struct aicc_options *options);

/* The seconds in field `name` of the table at `index`, `otherwise` where it is nil; raises if it is no positive number. */
double aicc_options_seconds(lua_State *L, int index, const char *name, double otherwise);

/* Raises if the table at `index` has a key that is not in `names` (ended by NULL). */
void aicc_options_only(lua_State *L, int index, const char *const *names);

#endif
