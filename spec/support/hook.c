/*
** hook.c - the Lua module `hook`: hook(events, count) sets a hook of C's on the main thread, as lua.c does at Ctrl-C and
** profilers do; hook() puts back what was there when the module was loaded: none, or make coverage's.
*/
#include <lauxlib.h>
#include <string.h>

static struct {
  lua_Hook hook;
  int mask, count;
} before;

static void do_nothing(lua_State *L, lua_Debug *event) { (void)L, (void)event; }

static lua_State *main_of(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  return lua_tothread(L, -1); /* the stack holds it as long as the function runs */
}

/* The events are letters of "crl"; with a count, so many instructions, too. Without arguments: what was there. */
static int set_hook(lua_State *L) {
  const char *events = luaL_optstring(L, 1, "");
  int count = (int)luaL_optinteger(L, 2, 0), mask = count > 0 ? LUA_MASKCOUNT : 0;
  if (strchr(events, 'c') != NULL) mask |= LUA_MASKCALL;
  if (strchr(events, 'r') != NULL) mask |= LUA_MASKRET;
  if (strchr(events, 'l') != NULL) mask |= LUA_MASKLINE;
  lua_State *main = main_of(L);
  if (mask != 0)
    lua_sethook(main, do_nothing, mask, count);
  else
    lua_sethook(main, before.hook, before.mask, before.count);
  return 0;
}

int luaopen_hook(lua_State *L) {
  lua_State *main = main_of(L);
  before.hook = lua_gethook(main);
  before.mask = lua_gethookmask(main);
  before.count = lua_gethookcount(main);
  lua_pushcfunction(L, set_hook);
  return 1;
}
