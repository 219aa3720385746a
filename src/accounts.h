/*
** accounts.h - lists of accounts, checked and written as JSON, each account once; and aicc.ALL.
*/
#ifndef AICC_ACCOUNTS_H
#define AICC_ACCOUNTS_H

#include "arguments.h"

/*
** Writes a list of accounts, each of them once; as what an operation's `write` is made of. `most`: at most so many, 0 for any
** number. `or_all`: aicc.ALL is allowed, and written as the empty array that the API takes for everybody.
*/
int aicc_accounts_put(struct aicc_arguments *call, const char *name, size_t most, int or_all);

/* Pushes aicc.ALL, made once per Lua state. */
void aicc_accounts_push_all(lua_State *L);

#endif
