/*
** fork.c - what a spec needs to fork: the Lua module `fork`, with fork() -> pid, wait(pid) -> exit status, leave(status),
** close(descriptor), and elsewhere(code): runs it in a Lua state of its own, and closes that.
*/
#include <lauxlib.h>
#include <lualib.h>
#include <sys/wait.h>
#include <unistd.h>

static int fork_fork(lua_State *L) {
  lua_pushinteger(L, fork());
  return 1;
}

static int fork_wait(lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 1;
}

/* Ends the process at once: nothing is closed, flushed or collected. */
static int fork_leave(lua_State *L) {
  _exit((int)luaL_checkinteger(L, 1));
}

static int fork_elsewhere(lua_State *L) {
  lua_State *other = luaL_newstate();
  luaL_openlibs(other);
  int failed = luaL_dostring(other, luaL_checkstring(L, 1));
  lua_pushstring(L, failed ? lua_tostring(other, -1) : "");
  lua_close(other);
  return failed ? lua_error(L) : 0;
}

static int fork_close(lua_State *L) {
  lua_pushinteger(L, close((int)luaL_checkinteger(L, 1)));
  return 1;
}

int luaopen_fork(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"fork", fork_fork}, {"wait", fork_wait}, {"leave", fork_leave}, {"elsewhere", fork_elsewhere},
      {"close", fork_close}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
