/*
** hook.c - the Lua module `hook`: hook(events, count) sets a hook of C's on the main thread, as lua.c does at Ctrl-C and
** profilers do.
*/
#include <lauxlib.h>
#include <string.h>

static void do_nothing(lua_State *L, lua_Debug *event) { (void)L, (void)event; }

/* The events are letters of "crl"; with a count, so many instructions, too. Without arguments: no hook. */
static int set_hook(lua_State *L) {
  const char *events = luaL_optstring(L, 1, "");
  int count = (int)luaL_optinteger(L, 2, 0), mask = count > 0 ? LUA_MASKCOUNT : 0;
  if (strchr(events, 'c') != NULL) mask |= LUA_MASKCALL;
  if (strchr(events, 'r') != NULL) mask |= LUA_MASKRET;
  if (strchr(events, 'l') != NULL) mask |= LUA_MASKLINE;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_sethook(lua_tothread(L, -1), mask != 0 ? do_nothing : NULL, mask, count);
  return 0;
}

int luaopen_hook(lua_State *L) {
  lua_pushcfunction(L, set_hook);
  return 1;
}
