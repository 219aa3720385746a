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
** Returns 1; or 0, and pushes nothing, where there is no object; or -1 where what stands in `schema` and beside it differs, or an
** object has a name twice.
*/
int aicc_shape_push(lua_State *L, struct aicc_text body);

/*
** Makes the listing on top what the documents' table says: `count` an integer, `data` an array of agents, an agent's account its
** `userAccount`, which is a string with something in it, or nil; its weights, number and type may come as digits in a string, and
** become numbers. All other fields stay as they came. Returns NULL, or what the listing lacks to be one.
*/
const char *aicc_shape_page(lua_State *L);

/* And this is what such functions are made of (inquiry.c has more of them). */

/* The number of values in the table on top if it is an array, without holes; else -1. */
lua_Integer aicc_shape_array(lua_State *L);

/* In the table on top: where the field is a string of digits it becomes a number. */
void aicc_shape_number(lua_State *L, const char *name);

/*
** Makes `count` of the listing on top a number; returns 0 if there is none. Where there is a `total` too the larger counts:
** nobody says which of them means the page, and too large a count never makes a reading complete.
*/
int aicc_shape_count(lua_State *L);

/* Reads the account of the agent on top. Returns 0 where what ought to be one is no text: it cannot be told from another. */
int aicc_shape_account(lua_State *L);

#endif
