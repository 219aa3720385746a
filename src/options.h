/*
** options.h - a session's options: read from a Lua table, checked one by one, kept as C values.
*/
#ifndef AICC_OPTIONS_H
#define AICC_OPTIONS_H

#include <curl/curl.h>

#include "operation.h"
#include "handle.h"

/* The options, each named here alone: those that are texts, and the others. */
#define AICC_OPTIONS_TEXTS(X) \
  X(AICC_BASE_URL, "base_url") \
  X(AICC_TOKEN_URL, "token_url") /* where tokens come from, if not from there */ \
  X(AICC_APP_KEY, "app_key") \
  X(AICC_APP_SECRET, "app_secret") /* only so that no error shows it */ \
  X(AICC_TENANT, "tenant_space_id") \
  X(AICC_USER_AGENT, "user_agent") \
  X(AICC_CA_FILE, "ca_file") \
  X(AICC_CA_PATH, "ca_path") \
  X(AICC_PROXY, "proxy")
#define AICC_OPTIONS_OTHERS(X) \
  X(AICC_VERIFY, "verify") \
  X(AICC_TIMEOUT, "timeout") \
  X(AICC_CONNECT_TIMEOUT, "connect_timeout") \
  X(AICC_MAX_IN_FLIGHT, "max_in_flight") \
  X(AICC_FACTS, "facts")

#define AICC_OPTIONS_AS_CONSTANT(constant, name) constant,
enum aicc_options_name {
  AICC_OPTIONS_TEXTS(AICC_OPTIONS_AS_CONSTANT)
  AICC_OPTION_TEXTS, /* how many there are */
  AICC_OPTION_LAST_TEXT = AICC_OPTION_TEXTS - 1,
  AICC_OPTIONS_OTHERS(AICC_OPTIONS_AS_CONSTANT)
  AICC_OPTIONS
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
