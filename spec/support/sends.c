/*
** sends.c - to be preloaded, and loaded as the Lua module `sends`: sends() -> how often this process has called send since the last
** time, and how many of those found the other end gone (EPIPE). Loading it gives SIGPIPE back its default: to end the process.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <sys/socket.h>

static long count, broken;

ssize_t send(int fd, const void *data, size_t size, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "send");
  count++;
  ssize_t sent = real(fd, data, size, flags);
  if (sent < 0 && errno == EPIPE) broken++;
  return sent;
}

static int sends(lua_State *L) {
  lua_pushinteger(L, count);
  lua_pushinteger(L, broken);
  count = broken = 0;
  return 2;
}

int luaopen_sends(lua_State *L) {
  signal(SIGPIPE, SIG_DFL);
  lua_pushcfunction(L, sends);
  return 1;
}
