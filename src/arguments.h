/*
** arguments.h - a call's arguments, checked and written as JSON. Lists of accounts are accounts.c's.
*/
#ifndef AICC_ARGUMENTS_H
#define AICC_ARGUMENTS_H

#include <stdint.h>

#include "buf.h"
#include "error.h"

#define AICC_MAX_INTEGER 9007199254740991.0 /* 2^53 - 1: every Lua, and JSON, keeps it exactly */
#define AICC_MAX_HEADER_VALUE 4096
#define AICC_MAX_ACCOUNT 128 /* bytes */
#define AICC_LEAST_SECRET 6 /* bytes: messages are searched for it, and a shorter one stands in ordinary words */

struct aicc_operation;

/* One call's arguments on their way to a body. */
struct aicc_arguments {
  lua_State *L;
  const struct aicc_operation *operation;
  const char *name;             /* the operation's */
  const char *method;           /* what raises begins with: the same, or the name of a method that has another */
  const char *const *fields;    /* what it takes, ended by NULL */
  int arguments;                /* stack index of the arguments' table, or of what was prepared of one (prepared.h) */
  int values, last_value;       /* in place of a table: stack indices of the fields' values, in their order; 0: a table */
  int copy;                     /* stack index of a table that gets the checked arguments; 0: none */
  struct aicc_buf *body;        /* NULL: only check */
  int is_method;                /* messages name the arguments of the client's method, not the API's fields */
  int level;                    /* a wrong type raises at the line so many calls up; 0: in a protected call */
  int everybody;                /* set where the accounts were aicc.ALL */
  int64_t expires;              /* set by token: seconds */
  int64_t skill;                /* set by what names a queue */
  size_t accounts;              /* set by a list of them: how many there are */
  int is_too_long;              /* set where it was refused for its body's limit */
  struct aicc_error failure;  /* set where something is refused */
};

/* The following are what an operation's `write` is made of. Each returns 1, or 0 after setting the failure; all may raise. */

#define aicc_arguments_put_literal(call, text) aicc_arguments_put_json(call, "" text, sizeof(text) - 1)
int aicc_arguments_put_json(struct aicc_arguments *call, const char *text, size_t size);

/* An integer from `least` to `most`; `otherwise` where the field is nil. */
#define AICC_REQUIRED (-1.0)
int aicc_arguments_get_integer(struct aicc_arguments *call, const char *name, double least, double most, double otherwise,
                               int64_t *found);
int aicc_arguments_put_integer(struct aicc_arguments *call, const char *name, double least, double most, double otherwise);

/* The number of a queue, `skillId`. */
int aicc_arguments_put_skill(struct aicc_arguments *call);

/* Those of a list, 1 to `most`, as an array of strings, which is how the API takes some of them. */
int aicc_arguments_put_integers(struct aicc_arguments *call, const char *name, size_t most);

/* A string of 1 to `most` bytes of UTF-8 without control characters. */
int aicc_arguments_put_text(struct aicc_arguments *call, const char *name, size_t most);

/* Which of the words (ended by NULL) a field that is not the API's own is; the first one where it is nil. */
int aicc_arguments_get_word(struct aicc_arguments *call, const char *name, const char *const *words, int *found);

/* A string of 6 to 4096 bytes; `for_header`: that may stand in a header as well. Its value is in no message. */
int aicc_arguments_put_credential(struct aicc_arguments *call, const char *name, int for_header);

/* Whether the text may stand in a header: 0x21..0x7E, 1 to 4096 bytes; with `spaces`, 0x20 too. */
int aicc_arguments_fit_header(const char *text, size_t size, int spaces);

/* And this is what they are made of. */

/* What a message calls the field: whoever wrote `skill_id` has never heard of skillId. */
const char *aicc_arguments_called(const struct aicc_arguments *call, const char *name);

/* Begins the failure: its message is the caller's to say, and 0 to return. */
struct aicc_error *aicc_arguments_refuse(struct aicc_arguments *call, const char *kind);

/* Turns the status of a write into success (1) or a failure (0); raises when out of memory. */
int aicc_arguments_judge(struct aicc_arguments *call, enum aicc_buf_status status, const char *name);

/* Raises a message, at the line that call->level says. */
int aicc_arguments_raise(struct aicc_arguments *call, const char *format, ...);

/* Raises that the value at `index` is of a wrong type. */
int aicc_arguments_mistyped(struct aicc_arguments *call, const char *name, const char *expected, int index);

/* Pushes the field; tells its type. */
int aicc_arguments_get(struct aicc_arguments *call, const char *name);

/* Whether there is such a field. */
int aicc_arguments_have(struct aicc_arguments *call, const char *name);

/* Pops the value on top, into the copy if there is one. */
void aicc_arguments_done(struct aicc_arguments *call, const char *name);

#endif
