/*
** date.h - the dates of HTTP's headers. Knows no Lua.
*/
#ifndef AICC_DATE_H
#define AICC_DATE_H

#include <stddef.h>

/* The seconds since 1970 that an HTTP date says (RFC 9110, 5.6.7: all three forms), or -1 if it is none. */
double aicc_date_read(const char *text, size_t size);

#endif
