/* scrub.c - takes a secret out of a text, without allocating anything. See scrub.h. */
#include "scrub.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* A secret cut off by the end of the text counts from this many bytes on. */
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

/* The value of the four hex digits at `s`, or -1. */
static long hex_unit(const char *s) {
  int high = hex_byte(s), low = hex_byte(s + 2);
  return high < 0 || low < 0 ? -1 : (long)high * 256 + low;
}

/*
** How many bytes of `wanted` the character `code` stands for: those of its UTF-8, or one byte of that value, as whoever takes the
** bytes for Latin-1 would write it; 0 for none.
*/
static size_t character_is(unsigned long code, const char *wanted, size_t size) {
  unsigned char bytes[4];
  size_t length;
  if (code < 0x80) {
    bytes[0] = (unsigned char)code;
    length = 1;
  } else if (code < 0x800) {
    bytes[0] = (unsigned char)(0xC0 | code >> 6);
    length = 2;
  } else if (code < 0x10000) {
    bytes[0] = (unsigned char)(0xE0 | code >> 12);
    length = 3;
  } else if (code < 0x110000) {
    bytes[0] = (unsigned char)(0xF0 | code >> 18);
    length = 4;
  } else {
    return 0;
  }
  for (size_t i = 1; i < length; i++) bytes[i] = (unsigned char)(0x80 | (code >> 6 * (length - 1 - i) & 0x3F));
  if (size >= length && memcmp(bytes, wanted, length) == 0) return length;
  return code >= 0x80 && code < 0x100 && (unsigned char)wanted[0] == code ? 1 : 0;
}

/* The length of the HTML entity at `text`, and in *matched how many bytes of `wanted` it stands for; 0 for none. */
static size_t entity_at(const char *text, size_t size, const char *wanted, size_t wanted_size, size_t *matched) {
  static const struct {
    unsigned char byte;
    const char *entity;
  } names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i].entity);
    *matched = 1;
    if (names[i].byte == (unsigned char)wanted[0] && size >= length && memcmp(text, names[i].entity, length) == 0) return length;
  }
  if (size < 4 || text[1] != '#') return 0;
  unsigned long base = text[2] == 'x' || text[2] == 'X' ? 16 : 10, value = 0;
  size_t at = base == 16 ? 3 : 2;
  for (; at < size && at < 10 && hex_digit(text[at]) >= 0 && (unsigned long)hex_digit(text[at]) < base; at++)
    value = value * base + (unsigned long)hex_digit(text[at]);
  if (at >= size || text[at] != ';') return 0;
  *matched = character_is(value, wanted, wanted_size);
  return *matched > 0 ? at + 1 : 0;
}

/* As entity_at, for \uXXXX, or two of them that are one character. */
static size_t unicode_at(const char *text, size_t size, const char *wanted, size_t wanted_size, size_t *matched) {
  long unit = size >= 6 && text[1] == 'u' ? hex_unit(text + 2) : -1, low = -1;
  if (unit < 0) return 0;
  if (unit >= 0xD800 && unit <= 0xDBFF && size >= 12 && text[6] == '\\' && text[7] == 'u') low = hex_unit(text + 8);
  int is_pair = low >= 0xDC00 && low <= 0xDFFF;
  if (is_pair) unit = 0x10000 + (unit - 0xD800) * 0x400 + (low - 0xDC00);
  *matched = character_is((unsigned long)unit, wanted, wanted_size);
  if (*matched == 0) return 0;
  return is_pair ? 12 : 6;
}

/*
** How many characters of the text stand for the next bytes that are wanted, of which *matched tells the number: a byte itself,
** %XX, a + for a space, \uXXXX, a backslash before it, or an HTML entity; 0 for none.
*/
static size_t next_at(const char *text, size_t size, const char *wanted, size_t wanted_size, size_t *matched) {
  size_t length = 0;
  if (text[0] == '&') length = entity_at(text, size, wanted, wanted_size, matched);
  if (text[0] == '\\') length = unicode_at(text, size, wanted, wanted_size, matched);
  if (length > 0) return length;
  *matched = 1;
  if (text[0] == '+' && wanted[0] == ' ') return 1;
  if (size >= 3 && text[0] == '%' && hex_byte(text + 1) == (unsigned char)wanted[0]) return 3;
  if (size >= 2 && text[0] == '\\' && text[1] == wanted[0]) return 2;
  return text[0] == wanted[0] ? 1 : 0;
}

/* Whether what is left of the text is the beginning of an escape. */
static int is_cut(const char *text, size_t size) {
  size_t at = 1;
  if (text[0] == '%') {
    return size == 1 || (size == 2 && hex_digit(text[1]) >= 0);
  } else if (text[0] == '\\') {
    if (size > 1 && text[at++] != 'u') return 0;
    while (at < size && at < 6 && hex_digit(text[at]) >= 0) at++;
    if (at == 6 && size < 12 && hex_byte(text + 2) >= 0xD8 && hex_byte(text + 2) <= 0xDB) { /* half of one character */
      static const char second[] = "\\u";
      for (size_t i = 6; i < size; i++)
        if (i < 8 ? text[i] != second[i - 6] : hex_digit(text[i]) < 0) return 0;
      return 1;
    }
    return at == size && size < 6;
  } else if (text[0] == '&') {
    while (at < size && (isalnum((unsigned char)text[at]) || text[at] == '#')) at++;
    return at == size && size < 11;
  }
  return 0;
}

/* The length of the text's beginning that is the secret, in whatever form; 0 if it is not. */
static size_t match_bytes(const char *text, size_t size, const char *secret, size_t secret_size) {
  size_t at = 0, matched = 0;
  /* As it is, first: a secret may itself look like something encoded. */
  if (size >= secret_size && text[0] == secret[0] && memcmp(text, secret, secret_size) == 0) return secret_size;
  while (matched < secret_size && at < size) {
    if (matched >= TELLING && is_cut(text + at, size - at)) return size;
    size_t bytes, length = next_at(text + at, size - at, secret + matched, secret_size - matched, &bytes);
    if (length == 0) return 0;
    at += length;
    matched += bytes;
  }
  return matched == secret_size || matched >= TELLING ? at : 0;
}

/* ---- where a secret may begin ---- */

/*
** What is looked for, and the bytes that its forms begin with, as a set: nearly all of a text is passed over with a look at it.
*/
struct needle {
  const char *secret;
  size_t size;
  uint32_t begins[256 / 32];
};

static void add(struct needle *needle, unsigned char byte) { needle->begins[byte >> 5] |= UINT32_C(1) << (byte & 31); }

static int may_begin(const struct needle *needle, unsigned char byte) { return needle->begins[byte >> 5] >> (byte & 31) & 1; }

static void prepare(struct needle *needle, const char *secret, size_t size) {
  static const uint32_t escapes[256 / 32] = {0, UINT32_C(1) << ('%' - 32) | UINT32_C(1) << ('&' - 32),
                                             UINT32_C(1) << ('\\' - 64)};
  memcpy(needle->begins, escapes, sizeof escapes);
  needle->secret = secret;
  needle->size = size;
  add(needle, (unsigned char)secret[0]);
  if (secret[0] == ' ') add(needle, '+');
}

/* The length of the form of the secret that the text begins with; 0 for none. */
static size_t match(const struct needle *needle, const char *text, size_t size) {
  return may_begin(needle, (unsigned char)text[0]) ? match_bytes(text, size, needle->secret, needle->size) : 0;
}

/* Whether the text is too short for any form: each has a character at least for each byte that counts. */
static int is_too_short(size_t size, size_t secret_size) { return size < secret_size && size < TELLING; }

int aicc_scrub_finds(const char *text, size_t size, const char *secret, size_t secret_size) {
  struct needle needle;
  if (secret_size == 0 || is_too_short(size, secret_size)) return 0;
  prepare(&needle, secret, secret_size);
  for (size_t at = 0; at < size; at++)
    if (match(&needle, text + at, size - at) > 0) return 1;
  return 0;
}

size_t aicc_scrub_replace(char *text, size_t size, const char *secret, size_t secret_size) {
  static const char mask[] = "***";
  struct needle needle;
  if (secret_size == 0 || is_too_short(size, secret_size)) return size;
  prepare(&needle, secret, secret_size);
  size_t in = 0, out = 0;
  while (in < size) {
    size_t length = match(&needle, text + in, size - in);
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
