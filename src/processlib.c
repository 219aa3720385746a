/* processlib.c - what is known of the process: Ctrl-C, Ctrl-Z, who it is, its terminal, whether HAProxy runs what runs. */
#include "lib.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sys.h"

/*
** core.trap_interrupt([ignored = false]): from now on the first Ctrl-C, SIGTERM or SIGHUP only sets what core.interrupted tells,
** and a second one ends the process. One that is ignored stays ignored; of Ctrl-C, which lua takes for itself, the caller says
** so. For whoever owns the process, as bin/aicc does; a library has no business with its signals.
*/
static int trap_interrupt(lua_State *L) {
  aicc_sys_trap_interrupt(lua_toboolean(L, 1));
  return 0;
}

/* core.interrupted() -> boolean: whether one of them came since core.trap_interrupt; second, its number if so */
static int interrupted(lua_State *L) {
  int signal = aicc_sys_interrupted();
  lua_pushboolean(L, signal);
  if (signal == 0) return 1;
  lua_pushinteger(L, signal);
  return 2;
}

/*
** core.trap_stop(is_on): from now on (until it is called with false) Ctrl-Z only sets what core.stop_signal tells. For whoever
** owns the process and has changed its terminal.
*/
static int trap_stop(lua_State *L) {
  if (lua_toboolean(L, 1))
    aicc_sys_trap_stop();
  else
    aicc_sys_untrap_stop();
  return 0;
}

/* core.stop_signal() -> "stop" after Ctrl-Z, "continue" after the process went on, nil if neither came since it was asked last */
static int stop_signal(lua_State *L) {
  int signal = aicc_sys_take_stop();
  if (signal == 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, signal == SIGCONT ? "continue" : "stop");
  return 1;
}

/* core.stop(): stops the process as Ctrl-Z does; returns once it goes on */
static int stop(lua_State *L) {
  (void)L;
  aicc_sys_stop();
  return 0;
}

/* core.is_foreground(descriptor) -> boolean: whether its terminal is this process's to write on; true where it is no terminal */
static int is_foreground(lua_State *L) {
  pid_t group = tcgetpgrp((int)luaL_checkinteger(L, 1));
  lua_pushboolean(L, group < 0 || group == getpgrp());
  return 1;
}

/* core.process() -> the process's number, the host's name */
static int process(lua_State *L) {
  char host[256] = "";
  lua_pushinteger(L, (lua_Integer)getpid());
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  lua_pushstring(L, host);
  return 2;
}

/* core.process_lives(pid) -> boolean: whether there is a process of that number, whoever's it is */
static int process_lives(lua_State *L) {
  lua_Integer pid = luaL_checkinteger(L, 1);
  luaL_argcheck(L, pid > 0, 1, "expected a process's number");
  lua_pushboolean(L, kill((pid_t)pid, 0) == 0 || errno == EPERM);
  return 1;
}

/* core.terminal_size(descriptor) -> columns, lines; or nil where it is no terminal or does not tell */
static int terminal_size(lua_State *L) {
  struct winsize size;
  if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
  }
  lua_pushnil(L);
  return 1;
}

/*
** core.in_haproxys_coroutine() -> boolean: whether what runs is a coroutine that HAProxy itself resumes; only to be called there.
** HAProxy keeps, in the extra space that Lua has for each coroutine, a pointer to its own record of it, whose first member is the
** coroutine's lua_State: from 1.6 on, which had Lua first, to 3.5 (hlua_gethlua in its hlua.c, struct hlua in hlua-t.h). A
** coroutine that Lua code makes has NULL there, as the main thread has, or, from 2.8 on where coroutine.create made it, its
** maker's record.
*/
static int in_haproxys_coroutine(lua_State *L) {
  lua_State **record = aicc_extra(L);
  lua_pushboolean(L, record != NULL && *record == L);
  return 1;
}

void aicc_processlib_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"trap_interrupt", trap_interrupt}, {"interrupted", interrupted},
                                       {"process", process},               {"process_lives", process_lives},
                                       {"trap_stop", trap_stop},           {"stop_signal", stop_signal},
                                       {"stop", stop},                     {"is_foreground", is_foreground},
                                       {"terminal_size", terminal_size},   {"in_haproxys_coroutine", in_haproxys_coroutine},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_pushlightuserdata(L, (void *)aicc_sys_interrupt());
  lua_setfield(L, LUA_REGISTRYINDEX, AICC_INTERRUPT_KEY);
}
