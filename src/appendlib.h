/* appendlib.h - the Lua side of append.c: core.append_to. */
#ifndef AICC_APPENDLIB_H
#define AICC_APPENDLIB_H

#include "compat.h"

/* Adds it to the module's table on top of the stack. */
void aicc_appendlib_open(lua_State *L);

#endif
