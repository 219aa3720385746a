/*
** pollable.h - what event loops ask an object that they are to wait for.
*/
#ifndef AICC_POLLABLE_H
#define AICC_POLLABLE_H

#include "compat.h"

/* Adds `pollfd` and what else an event loop asks to the session's methods, which are there. */
void aicc_pollable_open(lua_State *L);

#endif
