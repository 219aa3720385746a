/*
** certificate.c - P-256 keys and X.509 certificates by GnuTLS, in memory only. See certificate.h.
**
** Each step returns GnuTLS's own code, so that one function owns the four objects and frees them whatever happened.
*/
#include "certificate.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400.0
#define CA_NAME "aicc sandbox throwaway CA"

struct pair {
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
};

/* Runs a step unless an earlier one failed. */
#define STEP(rc, call) ((rc) < 0 ? (rc) : ((rc) = (call)))

static int new_pair(struct pair *pair) {
  int rc = gnutls_x509_privkey_init(&pair->key);
  STEP(rc, gnutls_x509_crt_init(&pair->crt));
  STEP(rc, gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
  return rc;
}

static void free_pair(struct pair *pair) {
  if (pair->crt != NULL) gnutls_x509_crt_deinit(pair->crt);
  if (pair->key != NULL) gnutls_x509_privkey_deinit(pair->key);
}

/* What both certificates have: version, random serial number, common name, key, key identifier, life time. */
static int set_common(struct pair *pair, const char *name, time_t from, time_t to) {
  unsigned char serial[16], id[20];
  size_t id_size = sizeof id;
  int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);  /* a serial number is positive, and has no leading zeros */
  STEP(rc, gnutls_x509_crt_set_version(pair->crt, 3));
  STEP(rc, gnutls_x509_crt_set_serial(pair->crt, serial, sizeof serial));
  STEP(rc, gnutls_x509_crt_set_dn_by_oid(pair->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)));
  STEP(rc, gnutls_x509_crt_set_key(pair->crt, pair->key));
  STEP(rc, gnutls_x509_crt_get_key_id(pair->crt, GNUTLS_KEYID_USE_SHA1, id, &id_size));
  STEP(rc, gnutls_x509_crt_set_subject_key_id(pair->crt, id, id_size));
  STEP(rc, gnutls_x509_crt_set_activation_time(pair->crt, from));
  STEP(rc, gnutls_x509_crt_set_expiration_time(pair->crt, to));
  return rc;
}

static int make_ca(struct pair *ca) {
  time_t now = time(NULL);
  int rc = new_pair(ca);
  STEP(rc, set_common(ca, CA_NAME, now - (time_t)DAY, now + (time_t)(30 * DAY)));
  STEP(rc, gnutls_x509_crt_set_basic_constraints(ca->crt, 1, 0));
  STEP(rc, gnutls_x509_crt_set_key_usage(ca->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
  STEP(rc, gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
  return rc;
}

static int add_name(struct pair *server, const char *name) {
  return gnutls_x509_crt_set_subject_alt_name(server->crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
                                              GNUTLS_FSAN_APPEND);
}

static int add_address(struct pair *server, const char *text) {
  unsigned char address[16];
  unsigned size = inet_pton(AF_INET, text, address) == 1 ? 4 : inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
  if (size == 0) return GNUTLS_E_INVALID_REQUEST;
  return gnutls_x509_crt_set_subject_alt_name(server->crt, GNUTLS_SAN_IPADDRESS, address, size, GNUTLS_FSAN_APPEND);
}

static int make_server(struct pair *server, struct pair *ca, const struct aicc_certificate_options *options) {
  struct pair *issuer = options->self_signed ? server : ca;
  const char *name = options->names[0] != NULL ? options->names[0] : "aicc sandbox";
  time_t to = time(NULL) + (time_t)(options->days * DAY);
  time_t from = (options->days < 0 ? to : time(NULL)) - (time_t)DAY;
  unsigned char id[20];
  size_t id_size = sizeof id;
  int rc = new_pair(server);
  STEP(rc, set_common(server, name, from, to));
  for (const char *const *n = options->names; *n != NULL; n++) STEP(rc, add_name(server, *n));
  for (const char *const *a = options->addresses; *a != NULL; a++) STEP(rc, add_address(server, *a));
  STEP(rc, gnutls_x509_crt_set_basic_constraints(server->crt, 0, -1));
  STEP(rc, gnutls_x509_crt_set_key_usage(server->crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
  STEP(rc, gnutls_x509_crt_set_key_purpose_oid(server->crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
  STEP(rc, gnutls_x509_crt_get_key_id(issuer->crt, GNUTLS_KEYID_USE_SHA1, id, &id_size));
  STEP(rc, gnutls_x509_crt_set_authority_key_id(server->crt, id, id_size));
  STEP(rc, gnutls_x509_crt_sign2(server->crt, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
  return rc;
}

/* GnuTLS's allocator and ours need not be the same one: the text is copied, and ends with a NUL. */
static int take(char **text, gnutls_datum_t *datum) {
  *text = malloc(datum->size + 1);
  if (*text != NULL) {
    memcpy(*text, datum->data, datum->size);
    (*text)[datum->size] = '\0';
  }
  gnutls_free(datum->data);
  datum->data = NULL;
  return *text != NULL ? 0 : GNUTLS_E_MEMORY_ERROR;
}

static int write_pem(struct aicc_certificate *made, struct pair *ca, struct pair *server) {
  gnutls_datum_t datum = {NULL, 0};
  int rc = gnutls_x509_crt_export2(ca->crt, GNUTLS_X509_FMT_PEM, &datum);
  STEP(rc, take(&made->ca, &datum));
  STEP(rc, gnutls_x509_crt_export2(server->crt, GNUTLS_X509_FMT_PEM, &datum));
  STEP(rc, take(&made->cert, &datum));
  STEP(rc, gnutls_x509_privkey_export2(server->key, GNUTLS_X509_FMT_PEM, &datum));
  STEP(rc, take(&made->key, &datum));
  return rc;
}

const char *aicc_certificate_make(struct aicc_certificate *made, const struct aicc_certificate_options *options) {
  struct pair ca = {NULL, NULL}, server = {NULL, NULL};
  made->ca = made->cert = made->key = NULL;
  int rc = make_ca(&ca);
  STEP(rc, make_server(&server, &ca, options));
  STEP(rc, write_pem(made, &ca, &server));
  free_pair(&server);
  free_pair(&ca);
  if (rc >= 0) return NULL;
  aicc_certificate_free(made);
  return gnutls_strerror(rc);
}

void aicc_certificate_free(struct aicc_certificate *made) {
  free(made->ca);
  free(made->cert);
  free(made->key);
  made->ca = made->cert = made->key = NULL;
}
