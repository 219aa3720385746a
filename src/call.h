/*
** call.h - starts a call on a session: arguments, headers, limits.
*/
#ifndef AICC_CALL_H
#define AICC_CALL_H

#include "session.h"

enum aicc_call_status {
  AICC_CALL_STARTED,
  AICC_CALL_REFUSED,   /* for its content: nil and the error have been pushed */
  AICC_CALL_RAISED,    /* what is to be raised at the line that called is on top */
  AICC_CALL_CLOSED,    /* the session is */
  AICC_CALL_NO_MEMORY
};

/*
** Starts the operation with the token (where the operation takes one), the arguments and the limits that stand from index `at`
** on, and tells its ticket. Raises for a token that is no string.
*/
enum aicc_call_status aicc_call_start(lua_State *L, struct aicc_session *session, const struct aicc_operation *operation, int at,
                                      uint64_t *ticket);

#endif
