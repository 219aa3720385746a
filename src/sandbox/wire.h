/*
** wire.h - copies Lua values from one Lua state to another, by way of bytes that belong to neither.
**
** The caller's state and the handler's must never be on the C stack of one protected call: an error in one would jump over
** frames of the other. So values are put into a buffer under the one's protection, and taken out under the other's.
*/
#ifndef AICC_SANDBOX_WIRE_H
#define AICC_SANDBOX_WIRE_H

#include <lua.h>

#include "buf.h"

/* Appends the values at `first`..top: nil, booleans, numbers, strings, and tables of these. Raises on any other. */
void aicc_wire_put(lua_State *L, int first, struct aicc_buf *bytes);

/* Pushes every value in `bytes`, and returns how many. Integral numbers come out as integers. May raise (no memory). */
int aicc_wire_get(lua_State *L, const struct aicc_buf *bytes);

#endif
