/*
** json.c - writes JSON into a buffer. See json.h.
**
** Nearly every string here is short plain ASCII, so text is looked at eight bytes at a time, and only what stands out is looked
** at alone (perf.md: within a fifth of the cost of walking the table that the strings come from).
*/
#include "json.h"

#include <string.h>

#define EVERY_BYTE(x) (UINT64_C(0x0101010101010101) * (x))
#define HIGH_BITS EVERY_BYTE(0x80)

/* Non-zero where some byte of the word is below 0x20, a quote, a backslash, DEL or above 0x7F. False alarms are harmless. */
static uint64_t stands_out(uint64_t word) {
  uint64_t quote = word ^ EVERY_BYTE('"');
  uint64_t backslash = word ^ EVERY_BYTE('\\');
  uint64_t del = word ^ EVERY_BYTE(0x7F);
  return (word | (word - EVERY_BYTE(0x20)) | (quote - EVERY_BYTE(1)) | (backslash - EVERY_BYTE(1)) | (del - EVERY_BYTE(1))) &
         HIGH_BITS;
}

static uint64_t word_at(const char *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
  return word;
}

static uint64_t half_at(const char *text) {
  uint32_t half;
  memcpy(&half, text, sizeof half);
  return half;
}

/* The number of plain bytes at the start of `text`, counted in whole words: the rest is for the slow path. */
static size_t plain_prefix(const char *text, size_t size) {
  size_t at = 0;
  while (size - at >= 8 && !stands_out(word_at(text + at))) at += 8;
  return at;
}

int aicc_json_is_plain(const char *text, size_t size) {
  uint64_t found;
  if (size >= 8) {
    found = stands_out(word_at(text + size - 8)); /* the last word overlaps the one before */
    for (size_t at = 0; at + 8 < size; at += 8) found |= stands_out(word_at(text + at));
    return found == 0;
  }
  uint64_t word = EVERY_BYTE('a');
  if (size >= 4) {
    word = half_at(text) << 32 | half_at(text + size - 4);
  } else {
    for (size_t at = 0; at < size; at++) word = word << 8 | (unsigned char)text[at];
  }
  return !stands_out(word);
}

int aicc_json_copy_plain(char *out, const char *text, size_t size) {
  if (size >= 8) {
    uint64_t word = word_at(text + size - 8), found = stands_out(word);
    for (size_t at = 0; at + 8 < size; at += 8) {
      uint64_t before = word_at(text + at);
      found |= stands_out(before);
      memcpy(out + at, &before, sizeof before);
    }
    memcpy(out + size - 8, &word, sizeof word);
    return found == 0;
  }
  if (size >= 4) {
    memcpy(out, text, 4);
    memcpy(out + size - 4, text + size - 4, 4);
  } else {
    for (size_t at = 0; at < size; at++) out[at] = text[at];
  }
  return aicc_json_is_plain(text, size);
}

size_t aicc_json_sequence(const unsigned char *s, size_t size) {
  unsigned char low = 0x80, high = 0xBF;  /* what the second byte may be */
  size_t length;
  if (s[0] >= 0xC2 && s[0] <= 0xDF) {
    length = 2;
  } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
    length = 3;
    if (s[0] == 0xE0) low = 0xA0;   /* overlong */
    if (s[0] == 0xED) high = 0x9F;  /* surrogates */
  } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
    length = 4;
    if (s[0] == 0xF0) low = 0x90;   /* overlong */
    if (s[0] == 0xF4) high = 0x8F;  /* above U+10FFFF */
  } else {
    return 0;
  }
  if (size < length || s[1] < low || s[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if (s[i] < 0x80 || s[i] > 0xBF) return 0;
  return length;
}

enum aicc_buf_status aicc_json_check_text(const char *text, size_t size) {
  enum aicc_buf_status found = AICC_OK;
  size_t at = plain_prefix(text, size);
  while (at < size) {
    const unsigned char *s = (const unsigned char *)text + at;
    if (*s < 0x80) {
      if (*s < 0x20 || *s == 0x7F) found = AICC_CONTROL;
      at++;
    } else {
      size_t length = aicc_json_sequence(s, size - at);
      if (length == 0) return AICC_BAD_UTF8;
      if (s[0] == 0xC2 && s[1] < 0xA0) found = AICC_CONTROL;
      at += length;
    }
  }
  return found;
}

enum aicc_buf_status aicc_json_integer(struct aicc_buf *buf, int64_t value) {
  char digits[24], *first = digits + sizeof digits;
  uint64_t left = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
  do *--first = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  if (value < 0) *--first = '-';
  return aicc_buf_append(buf, first, (size_t)(digits + sizeof digits - first));
}

/* Writes the escape of an ASCII character that needs one at `out` (room for six bytes). Returns its length, 0 for none. */
static size_t escape(unsigned char c, char *out) {
  static const char hex[] = "0123456789abcdef";
  char letter = 0;
  switch (c) {
    case '"': case '\\': letter = (char)c; break;
    case '\b': letter = 'b'; break;
    case '\f': letter = 'f'; break;
    case '\n': letter = 'n'; break;
    case '\r': letter = 'r'; break;
    case '\t': letter = 't'; break;
    default:
      if (c >= 0x20 && c != 0x7F) return 0;
      memcpy(out, "\\u00", 4);
      out[4] = hex[c >> 4];
      out[5] = hex[c & 15];
      return 6;
  }
  out[0] = '\\';
  out[1] = letter;
  return 2;
}

enum aicc_buf_status aicc_json_string(struct aicc_buf *buf, const char *text, size_t size) {
  if (size > buf->limit) return AICC_TOO_LONG;  /* also keeps the product below from overflowing */
  size_t plain = plain_prefix(text, size);
  size_t worst = plain + 6 * (size - plain) + 2;  /* each other byte may become \u00xx */
  enum aicc_buf_status status = aicc_buf_reserve(buf, worst);
  if (status != AICC_OK) return status;
  char *out = buf->data + buf->length;
  *out++ = '"';
  memcpy(out, text, plain);
  out += plain;
  for (size_t at = plain; at < size;) {
    const unsigned char *s = (const unsigned char *)text + at;
    size_t length = 1;
    if (*s >= 0x80) {
      length = aicc_json_sequence(s, size - at);
      if (length == 0) return AICC_BAD_UTF8;
    } else {
      size_t escaped = escape(*s, out);
      if (escaped > 0) {
        out += escaped;
        at++;
        continue;
      }
    }
    memcpy(out, s, length);
    out += length;
    at += length;
  }
  *out++ = '"';
  buf->length = (size_t)(out - buf->data);
  return AICC_OK;
}
