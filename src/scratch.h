/*
** scratch.h - a buffer on the Lua stack: for bytes that are written while Lua may raise.
*/
#ifndef AICC_SCRATCH_H
#define AICC_SCRATCH_H

#include "buf.h"
#include "compat.h"

/* Makes what aicc_scratch_push needs. */
void aicc_scratch_open(lua_State *L);

/* Pushes an empty buffer for a request's body. The collector frees it; who is done with it before may free it, too. Raises. */
struct aicc_buf *aicc_scratch_push(lua_State *L);

#endif
