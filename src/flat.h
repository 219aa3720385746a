/*
** flat.h - the reply that nearly every release gets, read without the decoder: an object of a few strings.
*/
#ifndef AICC_FLAT_H
#define AICC_FLAT_H

#include "compat.h"
#include "error.h"

#define AICC_FLAT_MOST 8 /* fields */
#define AICC_FLAT_ROOM 8 /* of a table: a client adds what the call was (result.lua), and a table that grows is laid out anew */

/* What stands in such an object, as it stands in its text. No two of the names are the same. */
struct aicc_flat {
  int count;
  struct aicc_text names[AICC_FLAT_MOST], values[AICC_FLAT_MOST];
};

/* Reads the JSON `body`, if it is an object whose values are strings with no escape in them, else returns 0. */
int aicc_flat_read(struct aicc_text body, struct aicc_flat *flat);

/*
** Pushes the table that the decoder would make of the JSON `body`, if that is such an object, and returns 1. Pushes nothing and
** returns 0 for anything else, broken JSON included: that is the decoder's to judge.
*/
int aicc_flat_push(lua_State *L, struct aicc_text body);

#endif
