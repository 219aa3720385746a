/*
** lib.h - the files that Lua calls functions of: each has one that adds them to the module's table on top, and that may raise.
*/
#ifndef AICC_LIB_H
#define AICC_LIB_H

#include "compat.h"

/* aicc.core's */
void aicc_appendlib_open(lua_State *L);  /* files that lines are appended to (append.h) */
void aicc_filelib_open(lua_State *L);    /* other files (file.h) */
void aicc_httplib_open(lua_State *L);    /* requests and answers in HTTP/1, for hosts that move the bytes themselves */
void aicc_libpq_open(lua_State *L);      /* what LuaDBI does not tell of a PostgreSQL server */
void aicc_processlib_open(lua_State *L); /* signals, the process, its terminal, its host */
void aicc_sharedlib_open(lua_State *L);  /* values that all states of the process share (shared.h) */
void aicc_uncaught_open(lua_State *L);   /* on Lua 5.1 and 5.2: an error that nobody catches is printed as its line */

/* aicc.curl's */
void aicc_sessionlib_open(lua_State *L); /* sessions, and a function for each operation */
void aicc_pollable_open(lua_State *L);   /* after that: what event loops ask a session */

#endif
