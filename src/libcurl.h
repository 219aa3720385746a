/*
** libcurl.h - libcurl as a whole: started once per process, and asked once what it is. Knows no Lua.
*/
#ifndef AICC_LIBCURL_H
#define AICC_LIBCURL_H

/* Before 7.80 libcurl has no CURLOPT_PREREQFUNCTION, without which it may send a request twice. */
#include <curl/curl.h>
#define AICC_LIBCURL_OLDEST 0x075000
#if LIBCURL_VERSION_NUM < AICC_LIBCURL_OLDEST
#error "aicc needs libcurl 7.80 or later"
#endif

struct aicc_libcurl {
  char version[256];          /* "libcurl/7.88.1 OpenSSL/3.0.15" */
  const char *ca_file;        /* its own trust anchors; NULL for none */
  const char *ca_path;
  int is_quiet;               /* it never raises SIGPIPE */
};

/*
** Starts libcurl the first time, in whichever thread that is; the facts are the same ever after. What tells them in libcurl
** writes to static buffers at each call, so that nobody else may ask it. Returns NULL where libcurl cannot be started, or is
** older at run time than what this was built for may be; aicc_libcurl_problem then says which.
*/
const struct aicc_libcurl *aicc_libcurl_start(void);
const char *aicc_libcurl_problem(void);

#endif
