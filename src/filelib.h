/* filelib.h - the Lua side of file.c and of what else the token store needs from the system. */
#ifndef AICC_FILELIB_H
#define AICC_FILELIB_H

#include "compat.h"

/* Adds its functions to the module's table on top. */
void aicc_filelib_open(lua_State *L);

#endif
