/*
** shape.h - the shapes in which the API's replies come, made one: what is documented in two ways is read in both.
**
** Nothing here is held on the C stack while Lua may raise; every function may.
*/
#ifndef AICC_SHAPE_H
#define AICC_SHAPE_H

#include "error.h"

/* Sets up the JSON decoder; raises if lua-cjson is missing. */
void aicc_shape_open(lua_State *L);

/*
** Pushes the body's JSON object, in which null is nil, integral numbers are integers, and the fields of `schema` are beside it.
** Returns 1; or 0, and pushes nothing, where there is no object; or -1 where what stands in `schema` and beside it differs.
*/
int aicc_shape_push(lua_State *L, struct aicc_text body);

/*
** Makes the listing on top what the documents' table says: `count` an integer, `data` an array of agents, an agent's account its
** `userAccount`, which is a string with something in it, or nil. Returns NULL, or what the listing lacks to be one.
*/
const char *aicc_shape_page(lua_State *L);

#endif
