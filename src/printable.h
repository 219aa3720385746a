/*
** printable.h - a server's words, made fit for one line of a message, a terminal, a database. Knows no Lua.
*/
#ifndef AICC_PRINTABLE_H
#define AICC_PRINTABLE_H

#include <stddef.h>

/* How many bytes of the text are left where it is cut to `most`: never in mid-character. */
size_t aicc_printable_cut(const char *text, size_t size, size_t most);

/* Makes the text one line of well-formed UTF-8, in place: a space for each byte of a control character, '?' for a stray byte. */
void aicc_printable_clean(char *text, size_t size);

#endif
