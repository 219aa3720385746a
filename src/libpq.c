/*
** libpq.c - why a PostgreSQL server cannot be reached, in libpq's own words. See libpq.h.
**
** LuaDBI loses them: it asks a connection that was never made for a transaction, and tells what libpq says of that. So another
** attempt is made here, whose message is kept. libpq is not linked: it is looked up where LuaDBI's driver has loaded it.
** Functions may raise; none holds a connection meanwhile.
*/
#include "libpq.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE "10" /* seconds, unless the URL has its own: somebody has waited for one attempt already */

struct pg_conn;

struct libpq {
  struct pg_conn *(*connect)(const char *const *names, const char *const *values, int expand);
  int (*status)(const struct pg_conn *); /* 0: connected */
  char *(*message)(const struct pg_conn *);
  void (*finish)(struct pg_conn *);
};

/* Sets the function at `place`, as POSIX has it for what dlsym returns. */
static int find(void *library, const char *name, void *place) {
  void *found = dlsym(library, name);
  memcpy(place, &found, sizeof found);
  return found != NULL;
}

/* Writes why there is no connection into `why`; nothing if there is one, or no libpq. */
static void ask(const struct libpq *pq, const char *url, char *why, size_t size) {
  const char *const names[] = {"connect_timeout", "dbname", NULL};
  const char *const values[] = {PATIENCE, url, NULL};
  struct pg_conn *connection = pq->connect(names, values, 1);
  if (connection == NULL) return;
  if (pq->status(connection) != 0) snprintf(why, size, "%s", pq->message(connection));
  pq->finish(connection);
}

/* core.postgresql_problem(url) -> why the server cannot be reached, which may quote the URL; nil if it can be, or nobody knows */
static int postgresql_problem(lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  char why[2048] = "";
  struct libpq pq;
  void *library = dlopen("libpq.so.5", RTLD_NOW);
  if (library == NULL) return 0;
  if (find(library, "PQconnectdbParams", &pq.connect) && find(library, "PQstatus", &pq.status) &&
      find(library, "PQerrorMessage", &pq.message) && find(library, "PQfinish", &pq.finish))
    ask(&pq, url, why, sizeof why);
  dlclose(library);
  if (why[0] == '\0') return 0;
  lua_pushstring(L, why);
  return 1;
}

void aicc_libpq_open(lua_State *L) {
  lua_pushcfunction(L, postgresql_problem);
  lua_setfield(L, -2, "postgresql_problem");
}
