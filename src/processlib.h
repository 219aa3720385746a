/* processlib.h - see processlib.c */
#ifndef AICC_PROCESSLIB_H
#define AICC_PROCESSLIB_H

#include "compat.h"

/* Adds the functions to the table on top of the stack. */
void aicc_processlib_open(lua_State *L);

#endif
