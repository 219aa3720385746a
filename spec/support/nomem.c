/*
** nomem.c - to be preloaded, and loaded as the Lua module `nomem`: memory that runs out on demand, in the thread that asked for it.
**
**   nomem.fail(n, forever)  the n-th allocation from now on fails; with `forever` all that follow do too
**   nomem.stop()            no more; returns how many failed
**   nomem.live()            the blocks that the C library has lent to this process and not got back
**
** lua-cjson ends the process when it gets no memory, which nobody can help: it always gets some.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static __thread long countdown; /* 0: nothing fails */
static __thread int forever;
static __thread long failed;
static long live;

/* Whether the allocation that `caller` asked for fails. */
static int fails(const void *caller) {
  Dl_info info;
  if (countdown == 0) return 0;
  if (dladdr(caller, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, "cjson") != NULL) return 0;
  if (countdown > 1) {
    countdown--;
    return 0;
  }
  if (!forever) countdown = 0;
  failed++;
  errno = ENOMEM;
  return 1;
}

static void *lent(void *block) {
  if (block != NULL) __sync_fetch_and_add(&live, 1);
  return block;
}

void *malloc(size_t size) { return fails(__builtin_return_address(0)) ? NULL : lent(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return fails(__builtin_return_address(0)) ? NULL : lent(__libc_calloc(count, size)); }

void *realloc(void *block, size_t size) {
  if (size > 0 && fails(__builtin_return_address(0))) return NULL;
  if (block == NULL) return lent(__libc_realloc(block, size));
  if (size == 0) __sync_fetch_and_sub(&live, 1);
  return __libc_realloc(block, size);
}

void free(void *block) {
  if (block != NULL) __sync_fetch_and_sub(&live, 1);
  __libc_free(block);
}

static int nomem_fail(lua_State *L) {
  long count = (long)luaL_checkinteger(L, 1);
  forever = lua_toboolean(L, 2);
  failed = 0;
  countdown = count;
  return 0;
}

static int nomem_stop(lua_State *L) {
  countdown = 0;
  lua_pushinteger(L, failed);
  return 1;
}

static int nomem_live(lua_State *L) {
  lua_pushinteger(L, live);
  return 1;
}

int luaopen_nomem(lua_State *L) {
  static const luaL_Reg functions[] = {{"fail", nomem_fail}, {"stop", nomem_stop}, {"live", nomem_live}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
