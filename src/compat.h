/*
** compat.h - the only file that knows which Lua this is: 5.5 to 5.2, or 5.1 (which serves LuaJIT and OpenResty too).
**
** The rest of the C code is written for Lua 5.4's names where the older ones lack a function, and uses `aicc_*` where the
** meaning itself differs. Everything here may raise exactly where the function of 5.4 may.
*/
#ifndef AICC_COMPAT_H
#define AICC_COMPAT_H

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#if LUA_VERSION_NUM >= 504
/* 5.4 gives each userdata a number of user values; none of ours needs one. */
#define aicc_newuserdata(L, size) lua_newuserdatauv(L, size, 0)
#else
#define aicc_newuserdata(L, size) lua_newuserdata(L, size)
#endif

/* lua_getfield and lua_rawgeti that tell the type of what they pushed, as 5.3 and later do. */
#if LUA_VERSION_NUM >= 503
#define aicc_getfield(L, index, name) lua_getfield(L, index, name)
#define aicc_rawgeti(L, index, n) lua_rawgeti(L, index, n)
#else
#define aicc_getfield(L, index, name) (lua_getfield(L, index, name), lua_type(L, -1))
#define aicc_rawgeti(L, index, n) (lua_rawgeti(L, index, (int)(n)), lua_type(L, -1))
#endif

/* What the program that Lua runs in keeps in its pointer beside each coroutine; NULL where Lua has none. */
#if LUA_VERSION_NUM >= 503
#define aicc_extra(L) (*(void **)lua_getextraspace(L))
#else
#define aicc_extra(L) ((void)(L), NULL)
#endif

/*
** Pushes a whole number below 2^53. Before 5.3 lua_Integer is as wide as a pointer, and cuts 2^32 + 3 to 3 on a machine of 32
** bits: a queue's number would become another queue's.
*/
#if LUA_VERSION_NUM >= 503
#define aicc_pushwhole(L, value) lua_pushinteger(L, (lua_Integer)(value))
#else
#define aicc_pushwhole(L, value) lua_pushnumber(L, (lua_Number)(value))
#endif

/* Whether the caller may yield; before 5.3 nobody tells. */
#if LUA_VERSION_NUM >= 503
#define aicc_isyieldable(L) lua_isyieldable(L)
#else
#define aicc_isyieldable(L) ((void)(L), 1)
#endif

/* Whether the number at `index` is kept as a float where it could be an integer; before 5.3 there is only one kind. */
#if LUA_VERSION_NUM >= 503
#define aicc_is_float(L, index) (lua_type(L, index) == LUA_TNUMBER && !lua_isinteger(L, index))
#else
#define aicc_is_float(L, index) ((void)(L), (void)(index), 0)
#endif

#if LUA_VERSION_NUM < 502

#ifndef LUA_OK
#define LUA_OK 0
#endif
#define lua_rawlen(L, index) lua_objlen(L, index)
#define luaL_checkversion(L) ((void)(L))

/* LuaJIT declares some of these in its own lauxlib.h; ours must work with the plain 5.1 library as well. */
#undef luaL_newlib
#undef luaL_newlibtable
#undef luaL_setfuncs
#undef luaL_setmetatable
#undef luaL_testudata
#define luaL_newlibtable(L, list) lua_createtable(L, 0, (int)(sizeof(list) / sizeof((list)[0]) - 1))
#define luaL_newlib(L, list) (luaL_newlibtable(L, list), aicc_setfuncs(L, list, 0))
#define luaL_setfuncs(L, list, upvalues) aicc_setfuncs(L, list, upvalues)
#define luaL_setmetatable(L, name) (luaL_getmetatable(L, name), lua_setmetatable(L, -2))
#define luaL_testudata(L, index, name) aicc_testudata(L, index, name)
#define lua_absindex(L, index) \
  ((index) > 0 || (index) <= LUA_REGISTRYINDEX ? (index) : lua_gettop(L) + (index) + 1)
#define lua_rawgetp(L, index, key) aicc_rawgetp(L, index, key)
#define lua_rawsetp(L, index, key) aicc_rawsetp(L, index, key)

/* Registers the functions of `list` in the table below the `upvalues` values on top, and pops those. */
static inline void aicc_setfuncs(lua_State *L, const luaL_Reg *list, int upvalues) {
  luaL_checkstack(L, upvalues + 1, "too many upvalues");
  for (; list->name != NULL; list++) {
    for (int i = 0; i < upvalues; i++) lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, list->func, upvalues);
    lua_setfield(L, -(upvalues + 2), list->name);
  }
  lua_pop(L, upvalues);
}

/* The userdata at `index` if its metatable is the one registered as `name`, else NULL. */
static inline void *aicc_testudata(lua_State *L, int index, const char *name) {
  void *data = lua_touserdata(L, index);
  if (data == NULL || !lua_getmetatable(L, index)) return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2)) data = NULL;
  lua_pop(L, 2);
  return data;
}

static inline void aicc_rawgetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)key);
  lua_rawget(L, index);
}

static inline void aicc_rawsetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)key);
  lua_insert(L, -2);
  lua_rawset(L, index);
}

#endif /* before 5.2 */

/*
** The interpreter's main thread: the one on which a SIGINT handler like lua.c's installs its hook. 5.1 does not tell it,
** so there it is the thread that opened the module first (`aicc_mark_mainthread`), kept alive by the registry.
*/
#if LUA_VERSION_NUM >= 502
static inline void aicc_mark_mainthread(lua_State *L) { (void)L; }

static inline lua_State *aicc_mainthread(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *thread = lua_tothread(L, -1);
  lua_pop(L, 1);
  return thread;
}
#else
#define AICC_MAINTHREAD_KEY "aicc.mainthread"

static inline void aicc_mark_mainthread(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, AICC_MAINTHREAD_KEY);
  if (lua_isnil(L, -1)) {
    lua_pushthread(L);
    lua_setfield(L, LUA_REGISTRYINDEX, AICC_MAINTHREAD_KEY);
  }
  lua_pop(L, 1);
}

static inline lua_State *aicc_mainthread(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, AICC_MAINTHREAD_KEY);
  lua_State *thread = lua_tothread(L, -1);
  lua_pop(L, 1);
  return thread != NULL ? thread : L;
}
#endif

#endif
