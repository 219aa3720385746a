/*
** uncaught.c - core.show_uncaught. See lib.h. Owns nothing; all of it may raise, which is what it is for.
**
** The interpreter of every other Lua asks an error that is a table for its text. That of 5.1 prints "(error object is not a
** string)", and its `assert` complains of its own second argument, as that of 5.2 does. So there `error` and `assert` are
** replaced by functions that run the old ones, but for errors of this library: where something in the program catches them they
** raise the error itself (as `assert` does in all other Luas), where nothing does its text. In C, since the old ones then find on
** the stack what they found before: levels, positions and names stay as they were.
*/
#include "lib.h"

#include "error.h"

/* Upvalues of the replacements. */
#define OLD lua_upvalueindex(1)
#define PCALL lua_upvalueindex(2)
#define XPCALL lua_upvalueindex(3)

static int is_ours(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return 0;
  luaL_getmetatable(L, AICC_ERROR_META);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

/* Whether a function that is running catches errors. Each coroutine has somebody who resumed it. */
static int is_caught(lua_State *L) {
  lua_Debug frame;
  int is_main = lua_pushthread(L);
  lua_pop(L, 1);
  for (int level = 1; is_main && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "f", &frame);
    int catches = lua_rawequal(L, -1, PCALL) || lua_rawequal(L, -1, XPCALL);
    lua_pop(L, 1);
    if (catches) return 1;
  }
  return !is_main;
}

/* Raises the error at `index`, or its text. */
static int raise_ours(lua_State *L, int index) {
  lua_pushvalue(L, index);
  if (!is_caught(L)) luaL_callmeta(L, -1, "__tostring");
  return lua_error(L);
}

/* error(value [, level]) */
static int uncaught_error(lua_State *L) {
  if (is_ours(L, 1)) return raise_ours(L, 1);
  return lua_tocfunction(L, OLD)(L);
}

/* assert(value [, message, ...]) */
static int uncaught_assert(lua_State *L) {
  if (!lua_toboolean(L, 1) && is_ours(L, 2)) return raise_ours(L, 2);
  return lua_tocfunction(L, OLD)(L);
}

/* Replaces a global function, unless somebody else has: the old one is called without its upvalues, and has none. */
static void replace(lua_State *L, const char *name, lua_CFunction with) {
  lua_getglobal(L, name);
  if (lua_tocfunction(L, -1) == NULL || lua_getupvalue(L, -1, 1) != NULL) return;
  lua_getglobal(L, "pcall");
  lua_getglobal(L, "xpcall");
  lua_pushcclosure(L, with, 3);
  lua_setglobal(L, name);
}

/* core.show_uncaught(): replaces `error` and `assert`; for Lua 5.1's interpreter and 5.2's, which is the caller's to know */
static int show_uncaught(lua_State *L) {
  lua_settop(L, 0);
  replace(L, "error", uncaught_error);
  replace(L, "assert", uncaught_assert);
  return 0;
}

void aicc_uncaught_open(lua_State *L) {
  lua_pushcfunction(L, show_uncaught);
  lua_setfield(L, -2, "show_uncaught");
}
