/*
** certificate.h - throwaway certificates: a CA, and a server certificate it signs. Knows no Lua.
*/
#ifndef AICC_SANDBOX_CERTIFICATE_H
#define AICC_SANDBOX_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

struct aicc_certificate_options {
  const char *const *names;      /* DNS names, NULL at the end; the first one is the common name too */
  const char *const *addresses;  /* IPv4 or IPv6 in text, NULL at the end */
  double days;                   /* of life from now; negative: it ended so long ago */
  bool self_signed;              /* the server's certificate signs itself; the CA then vouches for nothing */
};

/* PEM texts, all NULL or all set. aicc_certificate_free frees them. */
struct aicc_certificate {
  char *ca;
  char *cert;
  char *key;
};

/* NULL when it worked, else why not (a static text); nothing is to be freed then. */
const char *aicc_certificate_make(struct aicc_certificate *made, const struct aicc_certificate_options *options);
void aicc_certificate_free(struct aicc_certificate *made);

#endif
