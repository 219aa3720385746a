/*
** issue.h - the Lua function that makes certificates.
*/
#ifndef AICC_SANDBOX_ISSUE_H
#define AICC_SANDBOX_ISSUE_H

#include <lua.h>

/* {names=, addresses=, days=, self_signed=} -> {cert=, key=, ca=} (PEM) | nil, message. Raises on a wrong type. */
int aicc_issue_certificate(lua_State *L);

#endif
