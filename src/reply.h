/*
** reply.h - what a reply means: a result, or an error with what the server may have done.
*/
#ifndef AICC_REPLY_H
#define AICC_REPLY_H

#include "operation.h"

struct aicc_reply {
  long status;
  struct aicc_text body, retry_after, date;
  int truncated;  /* the body was cut short */
};

/*
** What nearly every call gets: pushes the result's table and returns 1 if the reply is a 200 that says what the documents say of
** a success, and nothing else. There is nobody's secret in that. Else returns 0, and all is to be looked at.
*/
int aicc_reply_push_success(lua_State *L, const struct aicc_operation *operation, const struct aicc_reply *reply);

/* Pushes the result's table and returns 1, or nil and an error and returns 2: no secret is in the words of either. May raise. */
int aicc_reply_push(lua_State *L, const struct aicc_operation *operation, const struct aicc_reply *reply,
                    const struct aicc_error_secrets *secrets);

#endif
