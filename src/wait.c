/* wait.c - lets Ctrl-C end a wait in C. See wait.h. */
#include "wait.h"

#include "sys.h"

static const char known_key = 0; /* its address is the registry key of the hook that is not the interpreter's */

static int do_nothing(lua_State *L) {
  (void)L;
  return 0;
}

/*
** The C function that serves every hook of debug.sethook. It cannot be had but by setting one, which happens while there is none,
** and with a count that is never reached. NULL where there is no debug.sethook.
*/
static lua_Hook find_lua_hook(lua_State *L) {
  lua_Hook hook = NULL;
  int top = lua_gettop(L);
  lua_getglobal(L, "debug");
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "sethook");
    lua_rawget(L, -2);
    if (lua_iscfunction(L, -1)) {
      lua_pushvalue(L, -1);
      lua_pushcfunction(L, do_nothing);
      lua_pushliteral(L, "");
      lua_pushinteger(L, 1000000);
      if (lua_pcall(L, 3, 0, 0) == LUA_OK) {
        hook = lua_gethook(L);
        lua_pcall(L, 0, 0, 0);
      }
    }
  }
  lua_settop(L, top);
  return hook;
}

void aicc_wait_open(lua_State *L) {
  lua_Hook *known = aicc_newuserdata(L, sizeof *known);
  /* One that is set while Lua code runs is not the interpreter's either: that one would have fired. */
  *known = lua_gethook(L);
  if (*known == NULL) *known = find_lua_hook(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &known_key);
}

/*
** Whether a hook looks like the one that the interpreter's SIGINT handler sets: it fires at the very next instruction, and is
** none of debug.sethook, which may well ask for every instruction. A guess, since lua.c gives its own no name.
*/
static int looks_like_sigint(lua_Hook hook, int mask, int count, lua_Hook of_debug) {
  static const int all = LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT;
  return hook != NULL && count == 1 && (mask & all) == all && hook != of_debug;
}

/* The hook that debug.sethook sets, or NULL. */
static lua_Hook hook_of_debug(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
  const lua_Hook *known = lua_touserdata(L, -1);
  lua_Hook hook = known != NULL ? *known : NULL;
  lua_pop(L, 1);
  return hook;
}

/*
** Whether the main thread has such a hook: then it has not run since. The signal may have come while a coroutine ran, or while
** the call's arguments were written.
*/
static int is_due(lua_State *L, lua_State *main) {
  lua_Hook hook = lua_gethook(main);
  return hook != NULL && looks_like_sigint(hook, lua_gethookmask(main), lua_gethookcount(main), hook_of_debug(L));
}

void aicc_wait_begin(lua_State *L, struct aicc_wait *wait) {
  wait->main = aicc_mainthread(L);
  wait->hook = lua_gethook(wait->main); /* before it is judged: the signal may come in between */
  if (is_due(L, wait->main)) wait->hook = NULL;
  wait->was_interrupted = aicc_sys_interrupted();
}

int aicc_wait_interrupted(const struct aicc_wait *wait) {
  return lua_gethook(wait->main) != wait->hook || aicc_sys_interrupted() != wait->was_interrupted;
}
