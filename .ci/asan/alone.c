/*
** alone.c - preloaded beside AddressSanitizer's runtime: keeps it from the programs that this one starts.
**
** They would inherit LD_PRELOAD. With the runtime in it curl hangs, and bash and python3 are found to leak.
*/
#define _POSIX_C_SOURCE 200112L
#include <stdlib.h>

__attribute__((constructor)) static void leave_alone(void) {
  unsetenv("LD_PRELOAD");
}
