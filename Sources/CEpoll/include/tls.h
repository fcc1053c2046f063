// OpenSSL 3: libssl and libcrypto. Macros that Swift cannot import become static inline functions here.
#ifndef CEPOLL_TLS_H
#define CEPOLL_TLS_H
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#endif
