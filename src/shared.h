/*
** shared.h - values by key that all Lua states of this process share, until they end: HAProxy gives each of its threads a Lua of
** its own. Knows no Lua.
**
** All of it is one table behind one mutex, which nobody holds while he waits for anything. It lives as long as the process. What
** has an end is forgotten there, or sooner where there is no room left: first what was written first.
*/
#ifndef AICC_SHARED_H
#define AICC_SHARED_H

#include <stddef.h>

#define AICC_SHARED_KEY 256             /* bytes of a key at most */
#define AICC_SHARED_VALUE (64u << 10)   /* bytes of a value at most */
#define AICC_SHARED_ROOM (4u << 20)     /* bytes of all entries together */

struct aicc_shared_key {
  const char *text;
  size_t size;
};

enum aicc_shared_kind { AICC_SHARED_ABSENT, AICC_SHARED_NUMBER, AICC_SHARED_TEXT };

enum aicc_shared_result {
  AICC_SHARED_DONE,
  AICC_SHARED_EXISTS,
  AICC_SHARED_NOT_FOUND,
  AICC_SHARED_NOT_A_NUMBER,
  AICC_SHARED_NO_ROOM
};

/* Copies a value: a number into `number`, or a text's first `capacity` bytes into `text`, and its whole size into `size`. */
enum aicc_shared_kind aicc_shared_get(struct aicc_shared_key key, double *number, char *text, size_t capacity, size_t *size);

/*
** Writes a text, or where `text` is NULL a number. It ends after `seconds`, or never if they are 0. `only_new`: not over another.
*/
enum aicc_shared_result aicc_shared_set(struct aicc_shared_key key, const char *text, size_t size, double number, double seconds,
                                        int only_new);

/*
** Adds `by` to a number, and tells the sum. If there is none, it begins with `first`, for `seconds`; without `first` it is left
** so.
*/
enum aicc_shared_result aicc_shared_add(struct aicc_shared_key key, double by, const double *first, double seconds, double *sum);

void aicc_shared_delete(struct aicc_shared_key key);

/*
** Copies what is behind the prefix of all keys that begin with it, each with a NUL behind it, as far as they fit into `capacity`;
** returns how many bytes there are.
*/
size_t aicc_shared_keys(struct aicc_shared_key prefix, char *text, size_t capacity);

#endif
