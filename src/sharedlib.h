/* sharedlib.h - see sharedlib.c */
#ifndef AICC_SHAREDLIB_H
#define AICC_SHAREDLIB_H

#include "compat.h"

/* Adds the functions to the table on top of the stack. */
void aicc_sharedlib_open(lua_State *L);

#endif
