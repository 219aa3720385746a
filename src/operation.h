/*
** operation.h - the API: what each operation sends, and what its reply means.
**
** Nothing here does I/O: a session sends through libcurl, nginx and HAProxy by their own means, with the same bytes.
*/
#ifndef AICC_OPERATION_H
#define AICC_OPERATION_H

#include "error.h"

#define AICC_OPERATION_COUNT 6

struct aicc_arguments;

struct aicc_operation {
  const char *name;                      /* also the session's method */
  const char *path;
  int with_token;                        /* sent with a token, not for one */
  int only_code;                         /* its replies have a resultCode, and nothing to read; without it a 200 is no success */
  int once;                              /* an unusable 200 may be asked for once more */
  const char *fields[6];                 /* what the arguments' table may hold; NULL ends it */
  int (*write)(struct aicc_arguments *call);  /* the arguments to the body; 0 after a failure */
  const char *(*read)(lua_State *L);     /* what a usable 200 lacks, or NULL; the decoded object is on top */
  int returns_code;                      /* the reply has returnCode and description for resultCode and resultMessage */
  int may_crash;                         /* a 500 is an exception of the server's, and no refusal */
  int is_personal;                       /* its replies tell of people: no error shows one */
};

extern const struct aicc_operation aicc_operation_table[AICC_OPERATION_COUNT];

/* Begins a call: sets what it is of, and all else to 0. */
void aicc_operation_begin(struct aicc_arguments *call, lua_State *L, const struct aicc_operation *operation);

/*
** Checks the arguments, a table or values, and writes the body. Returns 0 when a content is refused (`failure` says why); raises
** for a wrong type, an unknown field, or when out of memory.
*/
int aicc_operation_write(struct aicc_arguments *call);

/* Who calls: what the headers tell. data is NULL where there is none. */
struct aicc_operation_caller {
  struct aicc_text token, app_key, tenant, user_agent;
  int expires;  /* seconds, for X-Token-Expire */
};

/*
** Reads that from the table at `index`, raw: `app_key`, `tenant_space_id`, `user_agent`, which has a default, and `token`, unless
** it is known already. The strings stay on the stack, which grows by four at most. Raises for what is no string; returns 0 for
** one that cannot stand in a header (`failure` says which).
*/
int aicc_operation_read_caller(lua_State *L, int index, struct aicc_operation_caller *who, struct aicc_error *failure);

/* Calls `emit` for each header that is the operation's own (not Host, not Content-Length) until it returns 0; returns that. */
int aicc_operation_headers(const struct aicc_operation *operation, const struct aicc_operation_caller *who,
                           int (*emit)(void *data, const char *name, const char *value, size_t size), void *data);

/* The operation of that name at `index`; raises if there is none. */
const struct aicc_operation *aicc_operation_check(lua_State *L, int index);

#endif
