/*
** sessionlib.h - the userdata `aicc.session`: the methods that Lua calls.
*/
#ifndef AICC_SESSIONLIB_H
#define AICC_SESSIONLIB_H

#include "compat.h"

/* Registers the session's metatable and adds `session`, and one function per operation, to the module's table on top. */
void aicc_sessionlib_open(lua_State *L);

#endif
