/* httphead.c - the head of an answer in HTTP/1. See httphead.h. */
#include "httphead.h"

#include <string.h>

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int is_blank(char c) { return c == ' ' || c == '\t'; }

/* Where the head ends, behind its empty line; NULL if that has not come yet. */
static const char *find_end(const char *data, const char *end) {
  for (const char *at = data; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    if (end - at > 2 && at[1] == '\r' && at[2] == '\n') return at + 3;
  return NULL;
}

/* Whether so many bytes are that word, in lower case, whatever the case of theirs. */
static int is_word(const char *text, size_t size, const char *word) {
  if (strlen(word) != size) return 0;
  for (size_t i = 0; i < size; i++) {
    char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
    if (c != word[i]) return 0;
  }
  return 1;
}

/* A number of bytes; -1 if it is none. */
static double bytes_of(struct aicc_httphead_value value) {
  double number = 0;
  if (value.size == 0 || value.size > 15) return -1;
  for (size_t i = 0; i < value.size; i++) {
    if (!is_digit(value.data[i])) return -1;
    number = number * 10 + (value.data[i] - '0');
  }
  return number;
}

/* Notes a header if it is one that counts. */
static void note(struct aicc_httphead *head, const char *name, size_t size, struct aicc_httphead_value value) {
  if (is_word(name, size, "content-length"))
    head->length = bytes_of(value);
  else if (is_word(name, size, "x-aicc-egress"))
    head->progress = value;
  else if (is_word(name, size, "connection"))
    head->keeps = is_word(value.data, value.size, "keep-alive");
  else if (is_word(name, size, "transfer-encoding"))
    head->in_chunks = 1;
  else if (is_word(name, size, "retry-after"))
    head->retry_after = value;
  else if (is_word(name, size, "date"))
    head->date = value;
}

enum aicc_httphead_result aicc_httphead_read(const char *data, size_t size, struct aicc_httphead *head) {
  const char *end = find_end(data, data + size);
  if (end == NULL) return AICC_HTTPHEAD_INCOMPLETE;
  memset(head, 0, sizeof *head);
  head->size = (size_t)(end - data);
  head->length = -1;
  if (head->size < 14 || memcmp(data, "HTTP/1.", 7) != 0 || (data[7] != '0' && data[7] != '1') || data[8] != ' ' ||
      !is_digit(data[9]) || data[9] == '0' || !is_digit(data[10]) || !is_digit(data[11]) || is_digit(data[12]))
    return AICC_HTTPHEAD_NONE;
  head->status = (data[9] - '0') * 100 + (data[10] - '0') * 10 + (data[11] - '0');
  for (const char *line = memchr(data, '\n', head->size); line != NULL && ++line < end;) {
    const char *next = memchr(line, '\n', (size_t)(end - line)), *stop = next != NULL ? next : end;
    const char *colon = memchr(line, ':', (size_t)(stop - line));
    if (colon != NULL) {
      struct aicc_httphead_value value = {colon + 1, 0};
      while (value.data < stop && is_blank(*value.data)) value.data++;
      while (stop > value.data && (stop[-1] == '\r' || is_blank(stop[-1]))) stop--;
      value.size = (size_t)(stop - value.data);
      note(head, line, (size_t)(colon - line), value);
    }
    line = next;
  }
  if (head->status < 200 || head->status == 204 || head->status == 304) head->length = 0; /* these have no body */
  return AICC_HTTPHEAD_READ;
}
