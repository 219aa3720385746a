/*
** nomem.c - to be preloaded, and loaded as the Lua module `nomem`: memory that runs out on demand, in the thread that wants it
** so.
**
**   nomem.fail(n, count)    `count` allocations fail, from the n-th from now on; false: that one, true: it and all that follow
**   nomem.stop()            no more; returns how many failed, and how many were asked for since `fail`
**   nomem.live()            the blocks that the C library has lent to this thread and not got back
**
** lua-cjson ends the process when it gets no memory, and LuaDBI's driver for PostgreSQL crashes, which nobody can help: they
** always get some (libpq does not). And what they have they keep where Lua raises through them: their own blocks are not counted.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static __thread long countdown; /* 0: nothing fails */
static __thread long to_fail;   /* then so many */
static __thread long failed, asked, live;

/* Whether the caller is a function of one of these two. Asked for each allocation: so that is looked up once, for its pages. */
static int is_exempt(const void *caller) {
  static __thread const char *page;
  static __thread int is_page_exempt;
  const char *own = (const char *)((size_t)caller & ~(size_t)4095);
  Dl_info info;
  if (own == page) return is_page_exempt;
  page = own;
  is_page_exempt = dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
                   (strstr(info.dli_fname, "cjson") != NULL || strstr(info.dli_fname, "dbd/postgresql") != NULL);
  return is_page_exempt;
}

/* Whether the allocation fails that somebody else than these asked for. */
static int fails(void) {
  asked++;
  if (countdown == 0) return 0;
  if (countdown > 1) {
    countdown--;
    return 0;
  }
  if (--to_fail <= 0) countdown = 0;
  failed++;
  errno = ENOMEM;
  return 1;
}

static void *lent(void *block) {
  if (block != NULL) live++;
  return block;
}

void *malloc(size_t size) {
  if (is_exempt(__builtin_return_address(0))) return __libc_malloc(size);
  return fails() ? NULL : lent(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  if (is_exempt(__builtin_return_address(0))) return __libc_calloc(count, size);
  return fails() ? NULL : lent(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
  if (is_exempt(__builtin_return_address(0))) return __libc_realloc(block, size);
  if (size > 0 && fails()) return NULL;
  if (block == NULL) return lent(__libc_realloc(block, size));
  if (size == 0) live--;
  return __libc_realloc(block, size);
}

void free(void *block) {
  if (block != NULL && !is_exempt(__builtin_return_address(0))) live--;
  __libc_free(block);
}

static int nomem_fail(lua_State *L) {
  long count = (long)luaL_checkinteger(L, 1);
  to_fail = lua_isnumber(L, 2) ? (long)lua_tointeger(L, 2) : lua_toboolean(L, 2) ? LONG_MAX : 1;
  failed = asked = 0;
  countdown = count;
  return 0;
}

static int nomem_stop(lua_State *L) {
  countdown = 0;
  lua_pushinteger(L, failed);
  lua_pushinteger(L, asked);
  return 2;
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
