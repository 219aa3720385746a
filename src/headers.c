/*
** headers.c - a request's headers. See headers.h.
*/
#include "headers.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

struct aicc_headers *aicc_headers_new(void) {
  struct aicc_headers *headers = malloc(sizeof *headers);
  if (headers == NULL) return NULL;
  headers->list = NULL;
  headers->references = 1;
  return headers;
}

int aicc_headers_add(struct aicc_headers *headers, const char *name, const char *value, size_t size) {
  struct aicc_buf line;
  aicc_buf_init(&line, 16u << 10);
  struct curl_slist *list = NULL;
  if (aicc_buf_append(&line, name, strlen(name)) == AICC_OK &&
      aicc_buf_append(&line, ": ", value != NULL ? 2 : 1) == AICC_OK &&
      aicc_buf_append(&line, value, size) == AICC_OK && aicc_buf_append(&line, "", 1) == AICC_OK)
    list = curl_slist_append(headers->list, line.data);
  aicc_buf_free(&line);
  if (list == NULL) return 0; /* the old list is still whole */
  headers->list = list;
  return 1;
}

int aicc_headers_add_all(struct aicc_headers *headers, const struct aicc_headers *others) {
  for (const struct curl_slist *line = others != NULL ? others->list : NULL; line != NULL; line = line->next) {
    struct curl_slist *list = curl_slist_append(headers->list, line->data);
    if (list == NULL) return 0;
    headers->list = list;
  }
  return 1;
}

void aicc_headers_release(struct aicc_headers *headers) {
  if (headers == NULL || --headers->references > 0) return;
  for (struct curl_slist *line = headers->list; line != NULL; line = line->next)
    aicc_buf_overwrite(line->data, strlen(line->data));
  curl_slist_free_all(headers->list);
  free(headers);
}
