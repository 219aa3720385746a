/*
** core.c - luaopen_aicc_sandbox_core: the sandbox as Lua sees it. lua/aicc/sandbox/init.lua is its only user, and has checked
** every argument that a person wrote.
**
**   core.certificate{...}                                      see issue.h
**   core.start({port=, token_port=, cert=, key=, ca=}, service options)     -> server | nil, message
**   server:call(name, ...)       -> what aicc.sandbox.service's method returns, in the handler's state; its errors are raised
**   server:wait(requests, held, seconds) -> boolean
**   server:stats() · server:release_held() · server:port() · server:token_port() · server:ca_file() · server:stop()
**
** A server is born closed, and everything it acquires hangs on its userdata: stop, __gc and __close are one function. Buffers
** that outlive a Lua call are on the Lua stack (scratch.h), since pushing their content may raise.
*/
#include <errno.h>
#include <string.h>

#include "cafile.h"
#include "compat.h"
#include "gate.h"
#include "issue.h"
#include "scratch.h"
#include "server.h"
#include "state.h"
#include "sys.h"
#include "wire.h"

#define SERVER "aicc.sandbox.server"
#define PARCEL_LIMIT ((size_t)1 << 30)

/* A buffer at index 2, above the server or its options, which must stay anchored, and below what comes behind. */
static struct aicc_buf *push_below(lua_State *L) {
  struct aicc_buf *buf = aicc_scratch_push(L, PARCEL_LIMIT);
  lua_insert(L, 2);
  return buf;
}

/* Pushes nil and the message in `out`, or `otherwise` where there was no memory for one. */
static int refuse(lua_State *L, const struct aicc_buf *out, const char *otherwise) {
  lua_pushnil(L);
  if (out->length > 0) lua_pushlstring(L, out->data, out->length);
  else lua_pushstring(L, otherwise);
  return 2;
}

/* ---- servers ------------------------------------------------------------------------------------------------------- */

struct handle {
  unsigned long owner;  /* the process (aicc_sys_process): threads do not survive a fork: in a child there is nothing to stop */
  bool has_gate;
  struct aicc_gate gate;
  struct aicc_state *state;
  struct aicc_server *server;
  struct aicc_server *token_server;  /* on a port of its own, with the same state; NULL for none */
  char *ca_file;
};

static struct handle *new_handle(lua_State *L) {
  struct handle *handle = aicc_newuserdata(L, sizeof *handle);
  memset(handle, 0, sizeof *handle);
  handle->owner = aicc_sys_process();
  luaL_setmetatable(L, SERVER);
  return handle;
}

/* The handle at 1, running. */
static struct handle *running(lua_State *L) {
  struct handle *handle = luaL_checkudata(L, 1, SERVER);
  if (handle->server == NULL) luaL_error(L, "sandbox: it is stopped");
  if (handle->owner != aicc_sys_process()) luaL_error(L, "sandbox: it runs in the process that started it, not in this fork");
  return handle;
}

static void close_handle(struct handle *handle) {
  if (handle->owner == aicc_sys_process()) {
    aicc_server_stop(handle->token_server);
    aicc_server_stop(handle->server);
    aicc_state_close(handle->state);
    aicc_cafile_remove(handle->ca_file);
    if (handle->has_gate) aicc_gate_destroy(&handle->gate);
  }
  handle->server = NULL;
  handle->token_server = NULL;
  handle->state = NULL;
  handle->ca_file = NULL;
  handle->has_gate = false;
}

static int server_stop(lua_State *L) {
  close_handle(luaL_checkudata(L, 1, SERVER));
  return 0;
}

/* An optional string field of the table at 1, pushed to stay anchored. */
static const char *optional(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
}

/*
** Opens everything that the handle holds (`token_port`: -1 for none); false with a reason in `why`, or none without memory. Does
** not raise.
*/
static bool open_handle(struct handle *handle, long port, long token_port, const char *cert, const char *key, const char *ca,
                        const char *path, const char *cpath, const struct aicc_buf *options, struct aicc_buf *why) {
  if (ca != NULL) {
    handle->ca_file = aicc_cafile_create(ca);
    if (handle->ca_file == NULL) {
      const char *reason = strerror(errno);
      aicc_buf_append(why, reason, strlen(reason));
      return false;
    }
  }
  handle->has_gate = aicc_gate_init(&handle->gate);
  if (!handle->has_gate) return false;
  handle->state = aicc_state_open(path, cpath, options, &handle->gate, why);
  if (handle->state == NULL) return false;
  handle->server = aicc_server_start((unsigned)port, false, cert, key, &handle->gate, handle->state, why);
  if (handle->server == NULL || token_port < 0) return handle->server != NULL;
  handle->token_server = aicc_server_start((unsigned)token_port, true, cert, key, &handle->gate, handle->state, why);
  return handle->token_server != NULL;
}

static int core_start(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct aicc_buf *options = push_below(L), *why = push_below(L);
  aicc_wire_put(L, 4, options);
  const char *cert = optional(L, "cert"), *key = optional(L, "key"), *ca = optional(L, "ca");
  lua_getfield(L, 1, "port");
  long port = (long)luaL_checkinteger(L, -1);
  lua_getfield(L, 1, "token_port");
  long token_port = (long)luaL_optinteger(L, -1, -1);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  const char *path = luaL_checkstring(L, -1);
  lua_getfield(L, -2, "cpath");
  const char *cpath = luaL_checkstring(L, -1);
  struct handle *handle = new_handle(L);
  if (!open_handle(handle, port, token_port, cert, key, ca, path, cpath, options, why)) {
    close_handle(handle);
    return refuse(L, why, "out of memory");
  }
  aicc_buf_free(options);
  return 1;
}

static int server_call(lua_State *L) {
  struct handle *handle = running(L);
  struct aicc_buf *in = push_below(L), *out = push_below(L);
  aicc_wire_put(L, 4, in);
  handle = running(L); /* making Lua values may run finalizers, and one of them may have stopped it */
  if (!aicc_state_call(handle->state, in, out)) {
    refuse(L, out, "out of memory");
    return lua_error(L);
  }
  int count = aicc_wire_get(L, out);
  aicc_buf_free(in);
  aicc_buf_free(out);
  return count;
}

static int server_wait(lua_State *L) {
  struct handle *handle = running(L);
  unsigned long requests = (unsigned long)luaL_checkinteger(L, 2), held = (unsigned long)luaL_checkinteger(L, 3);
  lua_pushboolean(L, aicc_gate_wait(&handle->gate, requests, held, (double)luaL_checknumber(L, 4)));
  return 1;
}

static int server_stats(lua_State *L) {
  struct aicc_gate_counts counts = aicc_gate_counts(&running(L)->gate);
  const struct {
    const char *name;
    unsigned long value;
  } fields[] = {{"connections", counts.connections}, {"requests", counts.requests}, {"in_flight", counts.in_flight},
                {"max_in_flight", counts.max_in_flight}, {"held", counts.held}};
  lua_createtable(L, 0, 5);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, (lua_Integer)fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

static int server_release_held(lua_State *L) {
  aicc_gate_release(&running(L)->gate);
  return 0;
}

static int server_port(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)aicc_server_port(running(L)->server));
  return 1;
}

static int server_token_port(lua_State *L) {
  const struct handle *handle = running(L);
  if (handle->token_server != NULL)
    lua_pushinteger(L, (lua_Integer)aicc_server_port(handle->token_server));
  else
    lua_pushnil(L);
  return 1;
}

static int server_ca_file(lua_State *L) {
  lua_pushstring(L, running(L)->ca_file); /* nil for NULL */
  return 1;
}

/* ---- the module ---------------------------------------------------------------------------------------------------- */

/*
** Keeps this library loaded when a Lua state closes. GnuTLS and its own libraries would go with it and never come back the
** same; checkers would report what they keep.
*/
static void stay_loaded(void) { aicc_sys_pin(stay_loaded); }

static void new_metatable(lua_State *L, const char *name, const luaL_Reg *methods) {
  if (luaL_newmetatable(L, name)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

__attribute__((visibility("default"))) int luaopen_aicc_sandbox_core(lua_State *L);

/* May run many times in a process, and in several states. */
int luaopen_aicc_sandbox_core(lua_State *L) {
  static const luaL_Reg server_methods[] = {
    {"call", server_call},   {"wait", server_wait},       {"stats", server_stats}, {"release_held", server_release_held},
    {"port", server_port},   {"ca_file", server_ca_file}, {"stop", server_stop},   {"__gc", server_stop},
    {"__close", server_stop}, {"token_port", server_token_port}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"certificate", aicc_issue_certificate}, {"start", core_start}, {NULL, NULL}};
  luaL_checkversion(L);
  stay_loaded();
  aicc_scratch_open(L);
  new_metatable(L, SERVER, server_methods);
  luaL_newlib(L, functions);
  lua_pushliteral(L, "aicc.sandbox.core for " LUA_VERSION); /* aicc.native looks for it in the file */
  lua_setfield(L, -2, "build");
  return 1;
}
