/*
** json.h - writes JSON into a buffer: integers and strings. Knows no Lua.
**
** There are no objects or arrays here: their brackets are text that operation.c appends, so that no table, and no accident with
** one, ever decides between `[]` and `{}`.
*/
#ifndef AICC_JSON_H
#define AICC_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Appends text that is JSON already. */
#define aicc_json_literal(buf, text) aicc_buf_append(buf, "" text, sizeof(text) - 1)

enum aicc_buf_status aicc_json_integer(struct aicc_buf *buf, int64_t value);

/*
** Appends a JSON string, quotes included. AICC_BAD_UTF8 if `text` is not well-formed UTF-8 (no surrogates, nothing overlong).
** Control characters are escaped. On an error the buffer is as it was.
*/
enum aicc_buf_status aicc_json_string(struct aicc_buf *buf, const char *text, size_t size);

/*
** Whether the text is ASCII of which nothing needs an escape. May say no to such a text now and then, but never yes to another.
*/
int aicc_json_is_plain(const char *text, size_t size);

/*
** The same question, and in the same pass a copy of the text to `out`, which has room for it; made for short ones. What stands
** at `out` after a no is of no use.
*/
int aicc_json_copy_plain(char *out, const char *text, size_t size);

/* The length of the well-formed UTF-8 sequence of two to four bytes at `s`, or 0. */
size_t aicc_json_sequence(const unsigned char *s, size_t size);

/* AICC_OK, AICC_BAD_UTF8, or AICC_CONTROL where the text holds U+0000..U+001F or U+007F..U+009F. */
enum aicc_buf_status aicc_json_check_text(const char *text, size_t size);

#endif
