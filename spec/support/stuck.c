/*
** stuck.c - to be preloaded, and loaded as the Lua module `stuck`: libcurl's multi handle that fails on demand.
**
**   stuck.fail(name, count)  the next `count` calls of curl_multi_NAME ("perform" or "poll") fail; returns how many are left
**                            of the calls asked for before
*/
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <string.h>

static long performs, polls;

/* What the preloaded library's functions stand before. */
static void *behind(const char *name) { return dlsym(RTLD_NEXT, name); }

CURLMcode curl_multi_perform(CURLM *multi, int *running) {
  CURLMcode (*real)(CURLM *, int *);
  if (performs > 0) return performs--, CURLM_INTERNAL_ERROR;
  *(void **)&real = behind("curl_multi_perform");
  return real(multi, running);
}

CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned count, int milliseconds, int *ready) {
  CURLMcode (*real)(CURLM *, struct curl_waitfd *, unsigned, int, int *);
  if (polls > 0) return polls--, CURLM_OUT_OF_MEMORY;
  *(void **)&real = behind("curl_multi_poll");
  return real(multi, fds, count, milliseconds, ready);
}

static int stuck_fail(lua_State *L) {
  long *calls = strcmp(luaL_checkstring(L, 1), "perform") == 0 ? &performs : &polls;
  lua_pushinteger(L, *calls);
  *calls = (long)luaL_checkinteger(L, 2);
  return 1;
}

int luaopen_stuck(lua_State *L) {
  static const luaL_Reg functions[] = {{"fail", stuck_fail}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
