/* scrub.c - takes a secret out of a text, without allocating anything. See scrub.h. */
#include "scrub.h"

#include <ctype.h>
#include <string.h>

/* A secret cut off by the end of the text counts from this many characters on. Shorter base64 needles are not looked for. */
#define TELLING 4

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The value of the two hex digits at `s`, or -1. */
static int hex_byte(const char *s) {
  int high = hex_digit(s[0]), low = hex_digit(s[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The length of the HTML entity at `text` that stands for the byte `wanted`; 0 for none. */
static size_t entity_at(const char *text, size_t size, unsigned char wanted) {
  static const struct {
    unsigned char byte;
    const char *entity;
  } names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i].entity);
    if (names[i].byte == wanted && size >= length && memcmp(text, names[i].entity, length) == 0) return length;
  }
  if (size < 4 || text[1] != '#') return 0;
  unsigned base = text[2] == 'x' || text[2] == 'X' ? 16 : 10, value = 0;
  size_t at = base == 16 ? 3 : 2;
  for (; at < size && at < 8 && hex_digit(text[at]) >= 0 && (unsigned)hex_digit(text[at]) < base; at++)
    value = value * base + (unsigned)hex_digit(text[at]);
  return at < size && text[at] == ';' && value == wanted ? at + 1 : 0;
}

/*
** How many characters of the text stand for the byte `wanted`: itself, %XX, a + for a space, \u00XX, a backslash before it, or an
** HTML entity; 0 for none.
*/
static size_t byte_at(const char *text, size_t size, unsigned char wanted) {
  if (text[0] == '&') {
    size_t length = entity_at(text, size, wanted);
    if (length > 0) return length;
  }
  if (text[0] == '+' && wanted == ' ') return 1;
  if (size >= 3 && text[0] == '%' && hex_byte(text + 1) == wanted) return 3;
  if (size >= 6 && memcmp(text, "\\u00", 4) == 0 && hex_byte(text + 4) == wanted) return 6;
  if (size >= 2 && text[0] == '\\' && text[1] == (char)wanted) return 2;
  return (unsigned char)text[0] == wanted ? 1 : 0;
}

/* Whether what is left of the text is the beginning of an escape. */
static int is_cut(const char *text, size_t size) {
  size_t at = 1;
  if (text[0] == '%') {
    return size == 1 || (size == 2 && hex_digit(text[1]) >= 0);
  } else if (text[0] == '\\') {
    if (size > 1 && text[at++] != 'u') return 0;
    while (at < size && hex_digit(text[at]) >= 0) at++;
    return at == size && size < 6;
  } else if (text[0] == '&') {
    while (at < size && (isalnum((unsigned char)text[at]) || text[at] == '#')) at++;
    return at == size && size < 9;
  }
  return 0;
}

/* The length of the text's beginning that is the secret, byte by byte; 0 if it is not. */
static size_t match_bytes(const char *text, size_t size, const char *secret, size_t secret_size) {
  size_t at = 0, matched = 0;
  /* As it is, first: a secret may itself look like something encoded. */
  if (size >= secret_size && memcmp(text, secret, secret_size) == 0) return secret_size;
  while (matched < secret_size && at < size) {
    if (matched >= TELLING && is_cut(text + at, size - at)) return size;
    size_t length = byte_at(text + at, size - at, (unsigned char)secret[matched]);
    if (length == 0) return 0;
    at += length;
    matched++;
  }
  return matched == secret_size || matched >= TELLING ? at : 0;
}

/* The 6-bit digit `index` of the base64 of `lead` unknown bytes followed by the secret. Only whole digits may be asked for. */
static unsigned base64_digit(const char *secret, size_t lead, size_t index) {
  size_t bit = index * 6 - lead * 8;
  size_t byte = bit / 8, offset = bit % 8;
  unsigned window = (unsigned)(unsigned char)secret[byte] << 8;
  if (offset > 2) window |= (unsigned char)secret[byte + 1];
  return window >> (10 - offset) & 63;
}

/* The value of a base64 digit of the usual or the URL-safe alphabet, 64 for anything else. */
static unsigned base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return (unsigned)(c - 'A');
  if (c >= 'a' && c <= 'z') return (unsigned)(c - 'a') + 26;
  if (c >= '0' && c <= '9') return (unsigned)(c - '0') + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : 64;
}

/*
** Sets `value` to that of the base64 digit at `text`, which may be percent-encoded, or a slash with a backslash before it, or
** (`inside` the text) follow a line's end. Returns how many characters that takes; more than `size` where the text ends before.
*/
static size_t base64_next(const char *text, size_t size, int inside, unsigned *value) {
  size_t at = 0;
  while (inside && at < size && (text[at] == '\r' || text[at] == '\n')) at++;
  *value = 64;
  if (at == size) return size + 1;
  if (text[at] == '%') {
    if (size - at < 3) return size + 1;
    int byte = hex_byte(text + at + 1);
    if (byte > 0) *value = base64_value((char)byte);
    return at + 3;
  }
  if (size - at >= 2 && text[at] == '\\') at++;
  *value = base64_value(text[at]);
  return at + 1;
}

/* As match_bytes, for the base64 of `lead` unknown bytes, the secret, and whatever follows. */
static size_t match_base64(const char *text, size_t size, const char *secret, size_t secret_size, size_t lead) {
  size_t first = (lead * 8 + 5) / 6, last = (lead + secret_size) * 8 / 6;
  if (last < first + TELLING) return 0;
  size_t at = 0, digit = first;
  while (digit < last && at < size) {
    unsigned value;
    at += base64_next(text + at, size - at, digit > first, &value);
    if (at > size) return digit - first >= TELLING ? size : 0;
    if (value != base64_digit(secret, lead, digit)) return 0;
    digit++;
  }
  return digit == last || digit - first >= TELLING ? at : 0;
}

size_t aicc_scrub(char *text, size_t size, const char *secret, size_t secret_size) {
  static const char mask[] = "***";
  if (secret_size == 0) return size;
  size_t in = 0, out = 0;
  while (in < size) {
    size_t length = match_bytes(text + in, size - in, secret, secret_size);
    for (size_t lead = 0; length == 0 && lead < 3; lead++)
      length = match_base64(text + in, size - in, secret, secret_size, lead);
    if (length == 0) {
      text[out++] = text[in++];
      continue;
    }
    size_t shown = length < sizeof mask - 1 ? length : sizeof mask - 1;
    memcpy(text + out, mask, shown);
    out += shown;
    in += length;
  }
  return out;
}
