/*
** libpq.c - what LuaDBI does not tell of a PostgreSQL server: in libpq's own words why it cannot be reached, and whose session it
** is that a connection is given. See lib.h.
**
** LuaDBI asks a connection that was never made for a transaction, and tells what libpq says of that. So another attempt is made
** here, whose message is kept. libpq is not linked: it is looked up where LuaDBI's driver has loaded it. Functions may raise;
** none holds a connection meanwhile.
*/
#include "lib.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

#define PATIENCE "10" /* seconds, unless the URL has its own: somebody has waited for one attempt already */
#define ANSWER 2.0      /* seconds for an answer of the server's: a pool may have no other session to give */
#define TUPLES_OK 2     /* libpq's PGRES_TUPLES_OK */

struct pg_conn;
struct pg_result;

struct libpq {
  struct pg_conn *(*connect)(const char *const *names, const char *const *values, int expand);
  int (*status)(const struct pg_conn *); /* 0: connected */
  char *(*message)(const struct pg_conn *);
  void (*finish)(struct pg_conn *);
  int (*claimed)(const struct pg_conn *);
  int (*descriptor)(const struct pg_conn *);
  int (*send)(struct pg_conn *, const char *);
  int (*consume)(struct pg_conn *);
  int (*is_busy)(struct pg_conn *);
  struct pg_result *(*result)(struct pg_conn *);
  int (*outcome)(const struct pg_result *);
  char *(*value)(const struct pg_result *, int, int);
  void (*clear)(struct pg_result *);
};

/* Sets the function at `place`, as POSIX has it for what dlsym returns. */
static int find(void *library, const char *name, void *place) {
  void *found = dlsym(library, name);
  memcpy(place, &found, sizeof found);
  return found != NULL;
}

/* Looks all of it up; whether it is there. */
static int find_all(void *library, struct libpq *pq) {
  return find(library, "PQconnectdbParams", &pq->connect) && find(library, "PQstatus", &pq->status) &&
         find(library, "PQerrorMessage", &pq->message) && find(library, "PQfinish", &pq->finish) &&
         find(library, "PQbackendPID", &pq->claimed) && find(library, "PQsocket", &pq->descriptor) &&
         find(library, "PQsendQuery", &pq->send) && find(library, "PQconsumeInput", &pq->consume) &&
         find(library, "PQisBusy", &pq->is_busy) && find(library, "PQgetResult", &pq->result) &&
         find(library, "PQresultStatus", &pq->outcome) && find(library, "PQgetvalue", &pq->value) &&
         find(library, "PQclear", &pq->clear);
}

static struct pg_conn *connect_to(const struct libpq *pq, const char *url) {
  const char *const names[] = {"connect_timeout", "dbname", NULL};
  const char *const values[] = {PATIENCE, url, NULL};
  return pq->connect(names, values, 1);
}

/* Writes why there is no connection into `why`; nothing if there is one. */
static void ask_why(const struct libpq *pq, const char *url, char *why, size_t size) {
  struct pg_conn *connection = connect_to(pq, url);
  if (connection == NULL) return;
  if (pq->status(connection) != 0) snprintf(why, size, "%s", pq->message(connection));
  pq->finish(connection);
}

/* Waits for the result of what was sent. NULL where none comes in time. */
static struct pg_result *await_result(const struct libpq *pq, struct pg_conn *connection) {
  double ends = aicc_sys_now(AICC_MONOTONIC) + ANSWER;
  while (pq->is_busy(connection)) {
    struct pollfd fd = {pq->descriptor(connection), POLLIN, 0};
    double left = ends - aicc_sys_now(AICC_MONOTONIC);
    if (left <= 0) return NULL;
    if (poll(&fd, 1, (int)(left * 1000) + 1) < 0) continue; /* a signal: the time goes on */
    if (!pq->consume(connection)) return NULL;
  }
  return pq->result(connection);
}

/* The process that works for a connection, as whoever accepted that says, and as the database says (0: it does not). */
static int ask_whose(const struct libpq *pq, const char *url, int *claimed, int *real) {
  struct pg_conn *connection = connect_to(pq, url);
  if (connection == NULL) return 0;
  int is_connected = pq->status(connection) == 0;
  *claimed = is_connected ? pq->claimed(connection) : 0;
  *real = 0;
  if (is_connected && pq->send(connection, "SELECT pg_backend_pid()")) {
    struct pg_result *result = await_result(pq, connection);
    if (result != NULL && pq->outcome(result) == TUPLES_OK) *real = atoi(pq->value(result, 0, 0));
    if (result != NULL) pq->clear(result);
  }
  pq->finish(connection);
  return is_connected;
}

/* core.postgresql_problem(url) -> why the server cannot be reached, which may quote the URL; nil if it can be, or nobody knows */
static int postgresql_problem(lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  char why[2048] = "";
  struct libpq pq;
  void *library = dlopen("libpq.so.5", RTLD_NOW);
  if (library == NULL) return 0;
  if (find_all(library, &pq)) ask_why(&pq, url, why, sizeof why);
  dlclose(library);
  if (why[0] == '\0') return 0;
  lua_pushstring(L, why);
  return 1;
}

/*
** core.postgresql_session(url) -> claimed, real: the numbers of the server's process that a new connection is said to be given,
** and that it is given; the latter is 0 if that does not answer. nil if there is no connection, or nobody knows. They differ
** where somebody stands between.
*/
static int postgresql_session(lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  int claimed = 0, real = 0, is_known = 0;
  struct libpq pq;
  void *library = dlopen("libpq.so.5", RTLD_NOW);
  if (library == NULL) return 0;
  if (find_all(library, &pq)) is_known = ask_whose(&pq, url, &claimed, &real);
  dlclose(library);
  if (!is_known) return 0;
  lua_pushinteger(L, claimed);
  lua_pushinteger(L, real);
  return 2;
}

void aicc_libpq_open(lua_State *L) {
  lua_pushcfunction(L, postgresql_problem);
  lua_setfield(L, -2, "postgresql_problem");
  lua_pushcfunction(L, postgresql_session);
  lua_setfield(L, -2, "postgresql_session");
}
