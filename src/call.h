/*
** call.h - starts a call on a session: arguments, headers, limits.
*/
#ifndef AICC_CALL_H
#define AICC_CALL_H

#include "session.h"

/*
** Starts the operation with the token (where the operation takes one), the arguments and the limits that stand from index `at` on.
** Returns the ticket, or 0 with nil and an error pushed; raises for a wrong type.
*/
uint64_t aicc_call_start(lua_State *L, struct aicc_session *session, const struct aicc_operation *operation, int at);

#endif
