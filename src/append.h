/*
** append.h - files that several processes append lines to, each line in a single write. Knows no Lua.
*/
#ifndef AICC_APPEND_H
#define AICC_APPEND_H

#include <stddef.h>

/*
** Opens a file for appending; makes it, mode 0600, if it is not there. One that is there keeps its rights, and is refused if it
** is no regular file, a symbolic link, a file of several names, writable for everybody, or begins with something else than `mark`
** (it was meant for something else). Returns NULL and the descriptor, or why not: a text that is valid until the next call in
** this thread. It waits for nobody.
*/
const char *aicc_append_open(const char *path, const char *mark, int *fd);

/*
** Appends a line, which ends in its own newline, in a single write: what others append at the same time comes before or after it.
** A write that the system cut short (a full disk) is not gone on with, since others may have written behind it: whoever writes
** next first ends what is left of it. Returns as aicc_append_open.
*/
const char *aicc_append_line(int fd, const char *line, size_t size);

void aicc_append_close(int fd);

#endif
