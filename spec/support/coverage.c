/*
** coverage.c - notes which lines of lua/ are run, for `make coverage` (coverage.lua).
**
** A hook of C's, which every coroutine inherits from the thread that makes it. It allocates nothing, neither of Lua's memory nor
** by malloc: so specs that count allocations, or let them fail, run beside it. The lines are bytes of one file that all processes
** of a run have mapped: nothing is left to be written at the end, so one that is killed, or was forked, counts too.
**
** It is linked twice: as the Lua module `coverage`, which LUA_INIT loads into each interpreter; and into the sandbox's module,
** where it stands between that and luaL_newstate (ld's --wrap), since the sandbox's handler has a Lua state of its own.
** Nothing here raises, but for the two functions that stand in for debug's, as those do.
*/
#define _GNU_SOURCE
#include <fcntl.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef HITS
#error "HITS is the path of the file that coverage.lua made"
#endif

int luaopen_coverage(lua_State *L);
lua_State *__real_luaL_newstate(void);
lua_State *__wrap_luaL_newstate(void);

/* A source file's part of the mapped file: its name, as in "lua/aicc/client.lua", and a byte for each line, 1 once it was run. */
struct slot {
  char name[256];
  unsigned char was_run[1792];
};

static struct slot *slots;
static size_t slots_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
** The slots found last, by the address of the source's name, so that it is not looked for at each line. The name is compared: an
** address may be used again, and several states, in threads of their own, share this.
*/
static struct slot *known[256];

/* What a spec's own hook is for, set by debug.sethook; 0 where there is none. */
static int spec_mask;
static lua_Hook spec_hook;

static void map_hits(void) {
  int fd = open(HITS, O_RDWR | O_CLOEXEC);
  struct stat is;
  if (fd < 0) return; /* another user's process */
  if (fstat(fd, &is) == 0 && is.st_size > 0) {
    void *at = mmap(NULL, (size_t)is.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) slots = at, slots_count = (size_t)is.st_size / sizeof *slots;
  }
  close(fd);
}

/* "lua/aicc/client.lua" of "@/some/where/lua/aicc/client.lua"; NULL for other sources. */
static const char *name_of(const char *source) {
  const char *name = *source == '@' ? strstr(source, "lua/aicc") : NULL;
  return name != NULL && (name[-1] == '/' || name[-1] == '@') ? name : NULL;
}

static struct slot *slot_of(const char *source) {
  const char *name = name_of(source);
  struct slot **at = &known[((uintptr_t)source >> 4) % (sizeof known / sizeof *known)], *slot = *at;
  if (name == NULL) return NULL;
  if (slot != NULL && strcmp(slot->name, name) == 0) return slot;
  for (size_t n = 0; n < slots_count; n++) {
    if (strcmp(slots[n].name, name) == 0) return *at = &slots[n];
  }
  return NULL;
}

static void on_event(lua_State *L, lua_Debug *event) {
  if (event->event == LUA_HOOKLINE) {
    struct slot *slot;
    lua_getinfo(L, "S", event);
    slot = slot_of(event->source);
    if (slot != NULL && event->currentline >= 0 && (size_t)event->currentline < sizeof slot->was_run)
      slot->was_run[event->currentline] = 1;
  }
  if (spec_mask & (1 << event->event) || (event->event == LUA_HOOKTAILCALL && spec_mask & LUA_MASKCALL)) spec_hook(L, event);
}

static lua_State *thread_of(lua_State *L) { return lua_isthread(L, 1) ? lua_tothread(L, 1) : L; }

/*
** debug.sethook, as upvalue: what it sets is called by the hook above, after a line is noted, so that both are there; with that
** one alone where it sets none. It does not matter here that the hooks of several threads ask for the same events.
*/
static int set_hook(lua_State *L) {
  lua_State *thread = thread_of(L);
  int top = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, top, 0);
  spec_hook = lua_gethook(thread);
  spec_mask = spec_hook != NULL ? lua_gethookmask(thread) : 0;
  lua_sethook(thread, on_event, spec_mask | LUA_MASKLINE, spec_hook != NULL ? lua_gethookcount(thread) : 0);
  return 0;
}

/* debug.gethook, as upvalue: the hook that a spec has set, or none. */
static int get_hook(lua_State *L) {
  lua_State *thread = thread_of(L);
  lua_Hook hook = lua_gethook(thread);
  int mask = lua_gethookmask(thread), count = lua_gethookcount(thread), top = lua_gettop(L);
  if (hook == on_event) lua_sethook(thread, spec_mask != 0 ? spec_hook : NULL, spec_mask, count);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, top, LUA_MULTRET);
  lua_sethook(thread, hook, mask, count);
  return lua_gettop(L);
}

static void stand_in(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

/* For LUA_INIT: from now on the lines of this state are noted. */
int luaopen_coverage(lua_State *L) {
  pthread_once(&once, map_hits);
  lua_getglobal(L, "debug");
  stand_in(L, "sethook", set_hook);
  stand_in(L, "gethook", get_hook);
  lua_sethook(L, on_event, LUA_MASKLINE, 0);
  return 0;
}

/* For the sandbox's state: luaL_newstate, with the hook. */
lua_State *__wrap_luaL_newstate(void) {
  lua_State *L = __real_luaL_newstate();
  pthread_once(&once, map_hits);
  if (L != NULL) lua_sethook(L, on_event, LUA_MASKLINE, 0);
  return L;
}
