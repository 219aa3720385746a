/*
** curl.c - the module `aicc.curl`: what `aicc.core` has, and sessions, which send through libcurl.
**
** A module of its own, so that nginx and HAProxy, which send by their own means, never load libcurl and all that comes with it.
** It is linked from the same files as aicc.core where it needs them. What there is once in a Lua state (aicc.ALL, the errors'
** metatable) both find in the registry by its name; what there is once in a process is aicc.core's, which lends it.
*/
#include <curl/curl.h>
#include <pthread.h>

#include "session.h"
#include "shape.h"
#include "sys.h"

int luaopen_aicc_curl(lua_State *L);

static void start_libcurl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

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
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  luaL_checkversion(L);
  aicc_mark_mainthread(L);
  pthread_once(&once, start_libcurl);
  aicc_sys_pin((void (*)(void))luaopen_aicc_curl);
  push_core(L);
  aicc_getfield(L, LUA_REGISTRYINDEX, AICC_INTERRUPT_KEY);
  aicc_sys_borrow_interrupt(lua_touserdata(L, -1));
  lua_pop(L, 1);
  aicc_shape_open(L);
  aicc_session_open(L);
  lua_pushliteral(L, "aicc.curl for " LUA_VERSION); /* aicc.native looks for it in the file */
  lua_setfield(L, -2, "build");
  lua_pushstring(L, curl_version());
  lua_setfield(L, -2, "curl_version");
  return 1;
}
