/* hostlib.h - what Lua code cannot find out of the program that it runs in. */
#ifndef AICC_HOSTLIB_H
#define AICC_HOSTLIB_H

#include "compat.h"

/* Puts its functions into the table on top. May raise. */
void aicc_hostlib_open(lua_State *L);

#endif
