/*
** prepared.h - a call's arguments, checked and written once: a value for Lua that every attempt of the call sends as it is.
**
** Only aicc_prepared_open's function makes one, so what it holds has passed the checks of arguments.c. It owns its bytes, which
** never change; the collector frees it. All functions may raise.
*/
#ifndef AICC_PREPARED_H
#define AICC_PREPARED_H

#include "arguments.h"
#include "operation.h"

#define AICC_PREPARED_META "aicc.prepared"

/* Adds `prepare` and `arguments` to the module's table on top. */
void aicc_prepared_open(lua_State *L);

/*
** As aicc_operation_write, where what was prepared may stand in the place of a table. Raises if it was prepared for another
** operation.
*/
int aicc_prepared_write(struct aicc_arguments *call);

/*
** The body of those at `index`, if they were prepared for this operation, and whether it is for everybody; returns 0 if not. Lua
** holds the body as long as the value. Does not raise.
*/
int aicc_prepared_find(lua_State *L, int index, const struct aicc_operation *operation, struct aicc_text *body, int *everybody);

#endif
