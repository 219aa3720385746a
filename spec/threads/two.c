/*
** two.c - two Lua states in two threads of one process, for `make check-helgrind`: both load the C half at the same moment, make
** sessions and send, to a port where nobody listens, by a name that libcurl's own threads resolve.
**
** lua-cjson is loaded once before: it sets up static data, with the same content each time.
*/
#define _POSIX_C_SOURCE 200112L /* barriers */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char script[] =
    "local core = require 'aicc.curl'\n"
    "for n = 1, 3 do\n"
    "  local session = assert(core.session { base_url = 'http://localhost:' .. 1 + n, timeout = 5 })\n"
    "  local result, err = session:release_agent_by_skill('t', { skillId = 3, userAccounts = { 'a' } })\n"
    "  assert(not result and err.kind == 'network' and err.outcome == 'not_sent', tostring(err))\n"
    "  session:close()\n"
    "end\n"
    "assert(core.curl_version:find 'libcurl')\n"
    "core.sleep(0.01)\n"
    "core.random()\n";

static pthread_barrier_t start;

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  return L;
}

static void *run(void *failed) {
  lua_State *L = new_state();
  pthread_barrier_wait(&start);
  if (luaL_dostring(L, script)) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    *(int *)failed = 1;
  }
  lua_close(L);
  return NULL;
}

int main(void) {
  pthread_t threads[2];
  int failed[2] = {0, 0};
  lua_State *first = new_state();
  if (luaL_dostring(first, "require 'cjson.safe'")) return 2;
  pthread_barrier_init(&start, NULL, 2);
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run, &failed[i]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  lua_close(first);
  _exit(failed[0] || failed[1]); /* what other libraries do at exit is theirs */
}
