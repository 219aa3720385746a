/* httplib.h - a request and an answer in HTTP/1, for hosts that move the bytes themselves. */
#ifndef AICC_HTTPLIB_H
#define AICC_HTTPLIB_H

#include "compat.h"

/* Puts its functions into the table on top. May raise. */
void aicc_httplib_open(lua_State *L);

#endif
