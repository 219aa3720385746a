/*
** uncaught.h - on Lua 5.1 and 5.2: an error of this library that nobody catches is printed as its line.
*/
#ifndef AICC_UNCAUGHT_H
#define AICC_UNCAUGHT_H

#include "compat.h"

/* Adds `show_uncaught` to the table on top. */
void aicc_uncaught_open(lua_State *L);

#endif
