/* appendlib.c - the Lua side of append.c: a userdata owns the descriptor, and closes it when it is collected. */
#include "lib.h"

#include <string.h>

#include "append.h"

#define APPEND_META "aicc.append"

/* Returns nil, "path: problem". */
static int push_problem(lua_State *L, const char *path, const char *problem) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, problem);
  return 2;
}

/*
** core.append_to(path, mark) -> file | nil, message: opened for appending, and made with mode 0600 if it is not there. One that
** is there begins with the mark, or is refused; append.h has the rest.
*/
static int append_to(lua_State *L) {
  size_t size;
  const char *path = luaL_checklstring(L, 1, &size), *mark = luaL_checkstring(L, 2);
  luaL_argcheck(L, strlen(path) == size, 1, "expected a path without a NUL byte");
  int *fd = aicc_newuserdata(L, sizeof *fd);
  *fd = -1;
  luaL_setmetatable(L, APPEND_META);
  const char *problem = aicc_append_open(path, mark, fd);
  return problem != NULL ? push_problem(L, path, problem) : 1;
}

/* file:line(text) -> true | nil, message: appends the text and a newline, in one write */
static int append_line(lua_State *L) {
  int *fd = luaL_checkudata(L, 1, APPEND_META);
  size_t size;
  luaL_checkstring(L, 2);
  luaL_argcheck(L, *fd >= 0, 1, "it is closed");
  lua_settop(L, 2);
  lua_pushliteral(L, "\n");
  lua_concat(L, 2);
  const char *line = lua_tolstring(L, 2, &size), *problem = aicc_append_line(*fd, line, size);
  if (problem == NULL) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, problem);
  return 2;
}

static int append_close(lua_State *L) {
  int *fd = luaL_checkudata(L, 1, APPEND_META);
  if (*fd >= 0) aicc_append_close(*fd);
  *fd = -1;
  return 0;
}

void aicc_appendlib_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"append_to", append_to}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"line", append_line},   {"close", append_close}, {"__gc", append_close},
                                     {"__close", append_close}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  if (luaL_newmetatable(L, APPEND_META)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}
