/*
** libpq.h - why a PostgreSQL server cannot be reached, in libpq's own words (core.postgresql_problem); whether a connection has a
** session of the server's to itself (core.postgresql_session).
*/
#ifndef AICC_LIBPQ_H
#define AICC_LIBPQ_H

#include "compat.h"

/* Adds the functions to the table on top. */
void aicc_libpq_open(lua_State *L);

#endif
