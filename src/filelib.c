/* filelib.c - the Lua side of file.c. What fails is `nil, message`; the message names no content. */
#include "lib.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "scratch.h"
#include "sys.h"

#define LOCK_META "aicc.lock"
#define MAX_READ (1u << 20)

/* Returns nil, "path: problem" and, where the file is missing, true. */
static int push_problem(lua_State *L, const char *path, const char *problem, int missing) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, problem);
  lua_pushboolean(L, missing);
  return 3;
}

/* Returns true, or as push_problem where there is one. */
static int push_done(lua_State *L, const char *path, const char *problem) {
  if (problem != NULL) return push_problem(L, path, problem, 0);
  lua_pushboolean(L, 1);
  return 1;
}

/* The path at index 1. C ends a text at a NUL: another file would be meant than the one that is named. */
static const char *check_path(lua_State *L) {
  size_t size;
  const char *path = luaL_checklstring(L, 1, &size);
  luaL_argcheck(L, strlen(path) == size, 1, "expected a path without a NUL byte");
  return path;
}

/*
** core.read_file(path, limit [, rule = "any"]) -> content | nil, message, missing. The rule is "any", "unshared" (others may not
** write to it), "private" (nor read it; owner self or root) or "own" (owner self, no symbolic link).
*/
static int read_file(lua_State *L) {
  static const char *const rules[] = {"any", "unshared", "private", "own", NULL};
  const char *path = check_path(L);
  lua_Integer limit = luaL_checkinteger(L, 2);
  enum aicc_file_rule rule = (enum aicc_file_rule)luaL_checkoption(L, 3, "any", rules);
  luaL_argcheck(L, limit >= 1 && limit <= (lua_Integer)MAX_READ, 2, "expected a limit from 1 byte to 1 MiB");
  luaL_checkstack(L, 4, "file");
  struct aicc_buf *content = aicc_scratch_push(L, (size_t)limit); /* a secret: wiped when freed, whatever raises */
  int missing;
  const char *problem = aicc_file_read(path, rule, content, &missing);
  if (problem == NULL) lua_pushlstring(L, content->length > 0 ? content->data : "", content->length);
  aicc_buf_free(content);
  return problem != NULL ? push_problem(L, path, problem, missing) : 1;
}

/* core.write_file(path, content) -> true | nil, message: replaced as a whole, mode 0600 */
static int write_file(lua_State *L) {
  size_t size;
  const char *path = check_path(L), *data = luaL_checklstring(L, 2, &size);
  const char *problem = aicc_file_write(path, data, size);
  return push_done(L, path, problem);
}

/*
** core.draft_file(path) -> name | nil, message: an empty file beside it, mode 0600, to be written by whoever asks; then
** core.publish_file(name, path) -> true | nil, message: puts it in the path's place
*/
static int draft_file(lua_State *L) {
  char draft[PATH_MAX];
  const char *path = check_path(L);
  const char *problem = aicc_file_draft(path, draft);
  if (problem != NULL) return push_problem(L, path, problem, 0);
  lua_pushstring(L, draft);
  return 1;
}

static int publish_file(lua_State *L) {
  size_t size;
  const char *draft = check_path(L), *path = luaL_checklstring(L, 2, &size);
  luaL_argcheck(L, strlen(path) == size, 2, "expected a path without a NUL byte");
  const char *problem = aicc_file_publish(draft, path);
  return push_done(L, path, problem);
}

/*
** core.create_file(path) -> true | nil, message: an empty one, mode 0600; one that is there must be private, and stays as it is
*/
static int create_file(lua_State *L) {
  const char *path = check_path(L);
  const char *problem = aicc_file_create(path);
  return push_done(L, path, problem);
}

/* core.make_directory(path) -> true | nil, message: mode 0700, and ours alone */
static int make_directory(lua_State *L) {
  const char *path = check_path(L);
  const char *problem = aicc_file_directory(path);
  return push_done(L, path, problem);
}

/* core.remove_file(path) -> true | nil, message, missing */
static int remove_file(lua_State *L) {
  const char *path = check_path(L);
  if (unlink(path) != 0) return push_problem(L, path, "cannot remove it", errno == ENOENT);
  lua_pushboolean(L, 1);
  return 1;
}

/* core.real_path(path) -> where it really is, be it there or not; nil if its folder is not */
static int real_path(lua_State *L) {
  char place[PATH_MAX];
  lua_pushstring(L, aicc_file_place(check_path(L), place) ? place : NULL);
  return 1;
}

static int unlock(lua_State *L) {
  int *fd = luaL_checkudata(L, 1, LOCK_META);
  if (*fd >= 0) aicc_file_unlock(*fd);
  *fd = -1;
  return 0;
}

/*
** core.lock_file(path) -> lock | false when somebody has it | nil, message. lock:release(), or the end of the process, gives it
** up.
*/
static int lock_file(lua_State *L) {
  const char *path = check_path(L), *problem;
  int *fd = aicc_newuserdata(L, sizeof *fd);
  *fd = -1;
  luaL_setmetatable(L, LOCK_META);
  *fd = aicc_file_lock(path, &problem);
  if (problem != NULL) return push_problem(L, path, problem, 0);
  if (*fd < 0) lua_pushboolean(L, 0);
  return 1;
}

/* core.boot_id() -> string: another one after each boot; "" where the system does not tell */
static int boot_id(lua_State *L) {
  char text[64];
  size_t size = aicc_sys_boot_id(text, sizeof text);
  lua_pushlstring(L, text, size);
  return 1;
}

/*
** core.network_file_system(path, or a number as statfs has it) -> the name of the file system, if its files may be another
** host's: NFS, SMB, …, or FUSE, of which nobody knows; else nil
*/
static int network_file_system(lua_State *L) {
  const char *name = lua_type(L, 1) == LUA_TNUMBER ? aicc_sys_network_name((unsigned long)luaL_checknumber(L, 1))
                                                   : aicc_sys_network_of(check_path(L));
  lua_pushstring(L, name); /* nil, if NULL */
  return 1;
}

/* core.is_terminal(descriptor) -> boolean */
static int is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

void aicc_filelib_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"read_file", read_file},           {"write_file", write_file},
                                       {"make_directory", make_directory}, {"remove_file", remove_file},
                                       {"create_file", create_file},       {"draft_file", draft_file},
                                       {"publish_file", publish_file},     {"real_path", real_path},
                                       {"lock_file", lock_file},           {"boot_id", boot_id},
                                       {"network_file_system", network_file_system},
                                       {"is_terminal", is_terminal},       {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", unlock}, {"__close", unlock}, {"release", unlock}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  if (luaL_newmetatable(L, LOCK_META)) {
    luaL_setfuncs(L, meta, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}
