/*
** scratch.h - a buffer on the Lua stack: the one owner of bytes that are written while Lua may raise.
**
** The rule for all C files here: a `const char *` that Lua gave is good only while its string is on the stack (or is an upvalue,
** or in the registry), since a finalizer may change any table it came from; it is left there for as long, or copied into a buffer
** of these.
*/
#ifndef AICC_SCRATCH_H
#define AICC_SCRATCH_H

#include "buf.h"
#include "compat.h"

/* Makes what the others need: once per Lua state and module. */
void aicc_scratch_open(lua_State *L);

/* Pushes an empty buffer. The collector wipes and frees it; who is done with it before may, too. Raises. */
struct aicc_buf *aicc_scratch_push(lua_State *L, size_t limit);

/* Pushes a buffer that is a copy of the text. Raises. */
struct aicc_buf *aicc_scratch_copy(lua_State *L, const char *text, size_t size);

/* Puts the string of so many of the bytes in the place of the buffer, which is on top, and frees that. Raises. */
void aicc_scratch_finish(lua_State *L, struct aicc_buf *buf, size_t size);

#endif
