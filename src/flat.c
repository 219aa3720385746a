/*
** flat.c - an object of a few strings. See flat.h.
**
** The decoder costs 5,000 machine instructions for `{"resultCode":"0","resultMessage":"success"}`, four times what is done here.
** What it would make of a text is made here too, or left to it; core_flat_spec compares the two.
*/
#include "flat.h"

#include <string.h>

/* Where a reading has come to. */
struct reader {
  const char *at, *end;
};

/* Passes over blanks, and over the character that is wanted; returns 0 if it is not there. */
static int pass(struct reader *reader, char wanted) {
  while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
    reader->at++;
  if (reader->at == reader->end || *reader->at != wanted) return 0;
  reader->at++;
  return 1;
}

/* Reads a string without escapes and control characters. */
static int read_string(struct reader *reader, struct aicc_text *text) {
  if (!pass(reader, '"')) return 0;
  const char *at = text->data = reader->at;
  while (at < reader->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ') at++;
  if (at == reader->end || *at != '"') return 0;
  text->size = (size_t)(at - text->data);
  reader->at = at + 1;
  return 1;
}

/* Whether the last of the names is among those before it: then the decoder has something to say. */
static int is_twice(const struct aicc_text *names, int count) {
  const struct aicc_text *last = &names[count - 1];
  for (int i = 0; i < count - 1; i++)
    if (names[i].size == last->size && memcmp(names[i].data, last->data, last->size) == 0) return 1;
  return 0;
}

int aicc_flat_read(struct aicc_text body, struct aicc_flat *flat) {
  struct reader reader = {body.data, body.data + body.size};
  int count = 0;
  if (!pass(&reader, '{')) return 0;
  do {
    if (count == AICC_FLAT_MOST || !read_string(&reader, &flat->names[count]) || !pass(&reader, ':') ||
        !read_string(&reader, &flat->values[count]))
      return 0;
    if (is_twice(flat->names, ++count)) return 0;
  } while (pass(&reader, ','));
  if (!pass(&reader, '}')) return 0;
  if (pass(&reader, '\0') || reader.at != reader.end) return 0; /* blanks may follow, and nothing else */
  flat->count = count;
  return 1;
}

int aicc_flat_push(lua_State *L, struct aicc_text body) {
  struct aicc_flat flat;
  if (!aicc_flat_read(body, &flat)) return 0;
  lua_createtable(L, 0, AICC_FLAT_ROOM);
  for (int i = 0; i < flat.count; i++) {
    lua_pushlstring(L, flat.names[i].data, flat.names[i].size);
    lua_pushlstring(L, flat.values[i].data, flat.values[i].size);
    lua_rawset(L, -3);
  }
  return 1;
}
