/*
** portable.h - what POSIX lacks: included first by the files that need more than C99.
**
** AICC_LINUX is 1 where there are CLOCK_BOOTTIME, getrandom, mkostemp, SOCK_CLOEXEC, sigtimedwait, dladdr with RTLD_NODELETE,
** pthread_condattr_setclock and a boot's id. Elsewhere something plainer stands in for each; -DAICC_PLAIN_POSIX, with which
** `make check-posix` runs specs, makes that so on Linux too. (The BSDs and macOS show all they have unless told otherwise.)
*/
#ifndef AICC_PORTABLE_H
#define AICC_PORTABLE_H

#if defined AICC_PLAIN_POSIX
#define _POSIX_C_SOURCE 200809L
#define AICC_LINUX 0
#elif defined __linux__
#define _GNU_SOURCE
#define AICC_LINUX 1
#else
#define AICC_LINUX 0
#endif

#endif
