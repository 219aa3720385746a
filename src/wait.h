/*
** wait.h - lets Ctrl-C end a wait in C.
**
** lua.c's SIGINT handler does nothing but install a hook on the interpreter's main thread, which fires at that thread's next
** instruction. A wait in C therefore sleeps in slices and ends when that hook has changed since it began. Where a program of ours
** has trapped signals instead (core.trap_interrupt), the one wait during which it comes ends; those that begin later do not.
*/
#ifndef AICC_WAIT_H
#define AICC_WAIT_H

#include "compat.h"

#define AICC_WAIT_SLICE 0.1 /* seconds; a signal ends a slice early */

struct aicc_wait {
  lua_State *main;
  lua_Hook hook;
  int was_interrupted;
};

/* Learns which hooks are not the interpreter's; once per Lua state and module. May raise. */
void aicc_wait_open(lua_State *L);

/* Begins a wait. Raises nothing; needs a free slot on the stack. */
void aicc_wait_begin(lua_State *L, struct aicc_wait *wait);

/* Whether the interpreter was interrupted during the wait, or before it and has not had a chance to act on it. */
int aicc_wait_interrupted(const struct aicc_wait *wait);

#endif
