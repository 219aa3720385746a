/*
** curl.c - the module `aicc.curl`: what `aicc.core` has, and sessions, which send through libcurl.
**
** A module of its own, so that nginx and HAProxy, which send by their own means, never load libcurl and all that comes with it.
** It is linked from the same files as aicc.core where it needs them. What there is once in a Lua state (aicc.ALL, the errors'
** metatable) both find in the registry by its name; what there is once in a process is aicc.core's, which lends it.
*/
#include "libcurl.h"
#include "lib.h"
#include "scratch.h"
#include "shape.h"
#include "strset.h"
#include "sys.h"
#include "wait.h"

int luaopen_aicc_curl(lua_State *L);

/* Pushes a table with all that aicc.core has. */
static void push_core(lua_State *L) {
  lua_newtable(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "aicc.core");
  lua_call(L, 1, 1);
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
}

__attribute__((visibility("default"))) int luaopen_aicc_curl(lua_State *L) {
  luaL_checkversion(L);
  aicc_mark_mainthread(L);
  const struct aicc_libcurl *libcurl = aicc_libcurl_start();
  if (libcurl == NULL) return luaL_error(L, "%s", aicc_libcurl_problem());
  if (aicc_sys_pin((void (*)(void))luaopen_aicc_curl)) aicc_sys_watch_forks();
  push_core(L);
  aicc_getfield(L, LUA_REGISTRYINDEX, AICC_INTERRUPT_KEY);
  aicc_sys_borrow_interrupt(lua_touserdata(L, -1));
  lua_pop(L, 1);
  aicc_strset_open();
  aicc_wait_open(L);
  aicc_shape_open(L);
  aicc_scratch_open(L);
  aicc_sessionlib_open(L);
  aicc_pollable_open(L);
  lua_pushliteral(L, "aicc.curl for " LUA_VERSION); /* aicc.native looks for it in the file */
  lua_setfield(L, -2, "build");
  lua_pushstring(L, libcurl->version);
  lua_setfield(L, -2, "curl_version");
  return 1;
}
