/*
** sends.c - to be preloaded, and loaded as the Lua module `sends`: sends([arm]) -> how often this process has called send since
** the last time, and how many of those found the other end gone (EPIPE). After sends(true) the next send of 8 KiB or more (no
** handshake) finds that its side of the connection is shut, which is EPIPE and, unless it forbids it, SIGPIPE: as where the other
** end has reset it, but for certain. Loading it gives SIGPIPE back its default: to end the process.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <sys/socket.h>

static long count, broken;
static int is_armed;

ssize_t send(int fd, const void *data, size_t size, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "send");
  count++;
  if (is_armed && size >= 8192) is_armed = shutdown(fd, SHUT_WR) != 0;
  ssize_t sent = real(fd, data, size, flags);
  if (sent < 0 && errno == EPIPE) broken++;
  return sent;
}

static int sends(lua_State *L) {
  is_armed = lua_toboolean(L, 1);
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
