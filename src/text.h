/*
** text.h - bytes that somebody else keeps alive, and a server's words, made fit for one line of a message, a terminal, a
** database. Knows no Lua.
*/
#ifndef AICC_TEXT_H
#define AICC_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else keeps alive; data is NULL for none. */
struct aicc_text {
  const char *data;
  size_t size;
};

/* How many bytes of the text are left where it is cut to `most`: never in mid-character. */
size_t aicc_text_cut(const char *text, size_t size, size_t most);

/*
** Makes the text well-formed UTF-8 of at most so many bytes, in place: cut where a character ends, with a '?' for each stray byte
** and, where it is to be one line, a space for each byte of a control character. Returns its size.
*/
size_t aicc_text_fit(char *text, size_t size, size_t most, int one_line);

/* 64-bit FNV-1a. */
uint64_t aicc_text_hash(const char *text, size_t size);

#endif
