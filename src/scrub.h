/*
** scrub.h - takes a secret out of a text that goes into an error or an event. Knows no Lua.
**
** A server, a proxy or a firewall may echo what it was sent. What it echoes is shown to people, so each secret is looked for as
** it is, with any of its bytes percent-encoded, any of its characters JSON-escaped (\", \/, \u0041) or an HTML entity, as a
** form's field, and cut off at the end of the text. What is encoded twice, or in base64, is not found: nobody is known who would
** echo it so.
*/
#ifndef AICC_SCRUB_H
#define AICC_SCRUB_H

#include <stddef.h>

/* Replaces every form of `secret` in text[0 .. size) by `***`, in place; returns the new size, which is never larger. */
size_t aicc_scrub_replace(char *text, size_t size, const char *secret, size_t secret_size);

/* Whether any form of `secret` stands in the text: whether aicc_scrub_replace would change it. */
int aicc_scrub_finds(const char *text, size_t size, const char *secret, size_t secret_size);

#endif
