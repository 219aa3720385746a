/*
** flat.h - the reply that nearly every release gets, read without the decoder: an object of a few strings.
*/
#ifndef AICC_FLAT_H
#define AICC_FLAT_H

#include "compat.h"
#include "error.h"

/*
** Pushes the table that the decoder would make of the JSON `body`, if that is an object whose values are strings with no escape in
** them, and returns 1. Pushes nothing and returns 0 for anything else, broken JSON included: that is the decoder's to judge.
*/
int aicc_flat_push(lua_State *L, struct aicc_text body);

#endif
