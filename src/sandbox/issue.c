/*
** issue.c - options out of a table, PEM texts into one. See issue.h.
*/
#include "issue.h"

#include <string.h>

#include "certificate.h"
#include "compat.h"

#define MAX_NAMES 16

/* The strings of the array field `name`, which stay on the stack. */
static void string_list(lua_State *L, const char *name, const char **list) {
  int count = 0;
  luaL_checkstack(L, MAX_NAMES + 3, name);
  lua_getfield(L, 1, name);
  int array = lua_gettop(L);
  while (lua_istable(L, array) && aicc_rawgeti(L, array, count + 1) == LUA_TSTRING) {
    if (count >= MAX_NAMES) luaL_error(L, "certificate: more than %d %s", MAX_NAMES, name);
    list[count++] = lua_tostring(L, -1);
  }
  list[count] = NULL;
}

/* Owns a certificate while Lua may raise. */
struct certificate_box {
  struct aicc_certificate made;
};

static int certificate_gc(lua_State *L) {
  struct certificate_box *box = lua_touserdata(L, 1);
  aicc_certificate_free(&box->made);
  return 0;
}

/* Pushes a userdata that owns the (still empty) certificate. */
static struct certificate_box *new_certificate_box(lua_State *L) {
  struct certificate_box *box = aicc_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, certificate_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return box;
}

int aicc_issue_certificate(lua_State *L) {
  const char *names[MAX_NAMES + 1], *addresses[MAX_NAMES + 1];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  string_list(L, "names", names);
  string_list(L, "addresses", addresses);
  lua_getfield(L, 1, "days");
  lua_getfield(L, 1, "self_signed");
  struct aicc_certificate_options options = {names, addresses, (double)luaL_checknumber(L, -2), lua_toboolean(L, -1)};
  struct certificate_box *box = new_certificate_box(L);
  const char *why = aicc_certificate_make(&box->made, &options);
  if (why != NULL) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot make a certificate: %s", why);
    return 2;
  }
  lua_createtable(L, 0, 3);
  lua_pushstring(L, box->made.cert);
  lua_setfield(L, -2, "cert");
  lua_pushstring(L, box->made.key);
  lua_setfield(L, -2, "key");
  lua_pushstring(L, box->made.ca);
  lua_setfield(L, -2, "ca");
  aicc_certificate_free(&box->made);
  return 1;
}
