/*
** inquiry.c - in which queues an agent is, and which queues there are: what the replies keep. See inquiry.h.
**
** What is kept is copied into new tables, field by field, so that nothing comes along that a server has added.
*/
#include "inquiry.h"

#include <math.h>
#include <string.h>

#include "scratch.h"
#include "shape.h"
#include "text.h"

#define MAX_NAME 256                  /* bytes of a person's or a queue's name: the API's own limit for a queue's is 100 */
#define MAX_DESCRIPTION 512
#define MAX_SKILL 9007199254740991.0  /* 2^53 - 1, as for arguments */

/* ---- fields ---- */

/* Whether the table on top has that field; nothing is pushed. */
static int has(lua_State *L, const char *name) {
  int type = aicc_getfield(L, -1, name);
  lua_pop(L, 1);
  return type != LUA_TNIL;
}

/* Copies a text from the table at -2 to the one on top: one line of UTF-8, no longer than `most` bytes. Strangers wrote it. */
static void copy_text(lua_State *L, const char *name, size_t most) {
  if (aicc_getfield(L, -2, name) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    struct aicc_buf *copy = aicc_scratch_copy(L, text, size);
    aicc_scratch_finish(L, copy, aicc_text_fit(copy->data, size, most, 1));
    lua_setfield(L, -3, name);
  }
  lua_pop(L, 1);
}

/* Copies an integer from 0 on, which may be digits in a string, from the table at -2 to the one on top. */
static void copy_number(lua_State *L, const char *name) {
  lua_pushvalue(L, -2);
  aicc_shape_number(L, name);
  int type = aicc_getfield(L, -1, name);
  double value = type == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : -1;
  lua_pop(L, 2);
  if (!(value >= 0 && value <= MAX_SKILL) || value != floor(value)) return;
  aicc_pushwhole(L, value);
  lua_setfield(L, -2, name);
}

/* The number of the queue on top, 0 where it has none. */
static double skill_of(lua_State *L) {
  double skill = aicc_getfield(L, -1, "skillId") == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : 0;
  lua_pop(L, 1);
  return skill;
}

/*
** Leaves of the table on top the string and number fields of these names (ended by NULL), and puts the value at `data` into it.
*/
static void keep_only(lua_State *L, int data, const char *const *names) {
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    int type = lua_type(L, -1), is_kept = 0;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    for (int i = 0; names[i] != NULL; i++)
      is_kept = is_kept || ((type == LUA_TSTRING || type == LUA_TNUMBER) && strcmp(names[i], key) == 0);
    lua_pop(L, 1);
    if (is_kept) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4); /* giving nil to a field that is there is allowed while its table is walked */
  }
  lua_pushvalue(L, data);
  lua_setfield(L, -2, "data");
}

/* ---- one agent ---- */

static int same_field(lua_State *L, const char *name) {
  lua_getfield(L, -2, name);
  lua_getfield(L, -2, name);
  int same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

/*
** Adds the queue on top to the array at -2, which has *count of them, and pops it; the table at `seen` has each by its number.
** Returns 0 where it is there already with other weights: with which the agent is to be bound again, nobody could tell.
*/
static int add_skill(lua_State *L, int seen, lua_Integer *count) {
  int agrees = 1;
  lua_getfield(L, -1, "skillId");
  lua_rawget(L, seen);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getfield(L, -1, "skillId");
    lua_pushvalue(L, -2);
    lua_rawset(L, seen);
    lua_rawseti(L, -2, (int)++*count);
  } else {
    agrees = same_field(L, "agentWeight") && same_field(L, "skillWeight");
    lua_pop(L, 2);
  }
  return agrees;
}

/*
** Copies `skills` from the agent at -2 to the one on top. That there is none is left as it is: whoever is not said to be in a
** queue has not been said to be in none. Returns 0 where it is something else.
*/
static int copy_skills(lua_State *L) {
  int is_good = 1, type = aicc_getfield(L, -2, "skills");
  lua_Integer size = type == LUA_TTABLE ? aicc_shape_array(L) : -1, count = 0;
  if (size < 0) {
    lua_pop(L, 1);
    return type == LUA_TNIL;
  }
  lua_newtable(L);
  lua_insert(L, -2);
  int seen = lua_gettop(L) - 1;
  lua_createtable(L, (int)size, 0);
  for (lua_Integer i = 1; is_good && i <= size; i++) {
    if (aicc_rawgeti(L, -2, i) != LUA_TTABLE) {
      lua_pop(L, 1);
      is_good = 0;
      continue;
    }
    lua_createtable(L, 0, 3);
    copy_number(L, "skillId");
    copy_number(L, "agentWeight");
    copy_number(L, "skillWeight");
    lua_remove(L, -2);
    is_good = skill_of(L) >= 1;
    if (!is_good)
      lua_pop(L, 1);
    else
      is_good = add_skill(L, seen, &count);
  }
  lua_setfield(L, -4, "skills");
  lua_pop(L, 2);
  return is_good;
}

/* Replaces the agent on top by a copy of what is kept of it; returns what it lacks, or NULL. */
static const char *copy_agent(lua_State *L) {
  if (!lua_istable(L, -1) || !aicc_shape_account(L) || !has(L, "userAccount")) return "an agent who has an account";
  lua_createtable(L, 0, 5);
  lua_getfield(L, -2, "userAccount"); /* as it is: it is who they are */
  lua_setfield(L, -2, "userAccount");
  copy_text(L, "userName", MAX_NAME);
  copy_number(L, "agentType");
  copy_number(L, "workNo");
  if (!copy_skills(L)) return "skills that are queues, each with one pair of weights";
  lua_remove(L, -2);
  return NULL;
}

/* Replaces the array on top by one of copies, which `copy` makes; returns what that finds to be lacking, or NULL. */
static const char *copy_all(lua_State *L, lua_Integer size, const char *(*copy)(lua_State *L)) {
  luaL_checkstack(L, 12, "reply");
  lua_createtable(L, (int)size, 0);
  for (lua_Integer i = 1; i <= size; i++) {
    aicc_rawgeti(L, -2, i);
    const char *lacks = copy(L);
    if (lacks != NULL) return lacks;
    lua_rawseti(L, -2, (int)i);
  }
  lua_remove(L, -2);
  return NULL;
}

const char *aicc_inquiry_agent(lua_State *L) {
  static const char *const kept[] = {"resultCode", "resultMessage", NULL};
  int reply = lua_gettop(L);
  int code = aicc_getfield(L, reply, "resultCode"), type = aicc_getfield(L, reply, "data");
  if (type == LUA_TNIL) lua_newtable(L); /* nobody says what an unknown account gives: perhaps no field */
  lua_Integer size = type == LUA_TTABLE || type == LUA_TNIL ? aicc_shape_array(L) : -1;
  if (size < 0) return "an array of agents as data";
  /* As in a listing: an agent is an answer without it; "nobody" is one only if it is said to be a success. */
  if (code != LUA_TSTRING && code != LUA_TNUMBER && !(code == LUA_TNIL && size > 0)) return "a resultCode";
  const char *lacks = copy_all(L, size, copy_agent);
  if (lacks != NULL) return lacks;
  int data = lua_gettop(L);
  lua_pushvalue(L, reply);
  keep_only(L, data, kept);
  return NULL;
}

/* ---- queues ---- */

static const char *copy_queue(lua_State *L) {
  if (!lua_istable(L, -1)) return "an array of queues as data";
  lua_createtable(L, 0, 4);
  copy_number(L, "skillId");
  copy_text(L, "name", MAX_NAME);
  copy_number(L, "mediaTypeId");
  copy_text(L, "description", MAX_DESCRIPTION);
  lua_remove(L, -2);
  return skill_of(L) >= 1 ? NULL : "a skillId for each queue";
}

const char *aicc_inquiry_queues(lua_State *L) {
  static const char *const kept[] = {"returnCode", "resultCode", "description", "resultMessage", "count", NULL};
  int reply = lua_gettop(L);
  if (!aicc_shape_count(L)) return "a total";
  int is_empty = aicc_getfield(L, reply, "count") == LUA_TNUMBER && lua_tonumber(L, -1) == 0;
  int type = aicc_getfield(L, reply, "data");
  if (type == LUA_TNIL && is_empty) lua_newtable(L); /* nothing of nothing */
  lua_Integer size = lua_istable(L, -1) ? aicc_shape_array(L) : -1;
  if (size < 0) return "an array of queues as data";
  const char *lacks = copy_all(L, size, copy_queue);
  if (lacks != NULL) return lacks;
  int data = lua_gettop(L);
  lua_pushvalue(L, reply);
  int has_code = has(L, "returnCode") || has(L, "resultCode");
  if (size == 0 && !has_code) return "a returnCode";
  keep_only(L, data, kept);
  return NULL;
}
