// OpenSSL 3: libssl and libcrypto. Swift cannot import macros with casts, 64-bit option bits and variadic functions.
// This header offers them as functions or typed constants of the same name with the prefix `ctls_`. No function decides
// anything.
#ifndef CEPOLL_TLS_H
#define CEPOLL_TLS_H
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/core_names.h>

static const uint64_t ctls_op_no_ticket = SSL_OP_NO_TICKET;
static const uint64_t ctls_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t ctls_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t ctls_op_cipher_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;

static inline int ctls_set_protocol_versions(SSL_CTX *c, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(c, lowest) == 1 && SSL_CTX_set_max_proto_version(c, highest) == 1;
}
static inline long ctls_set_mode(SSL_CTX *c, long mode) { return SSL_CTX_set_mode(c, mode); }
static inline long ctls_set_session_cache_mode(SSL_CTX *c, long mode) { return SSL_CTX_set_session_cache_mode(c, mode); }
static inline long ctls_set_max_cert_list(SSL_CTX *c, long bytes) { return SSL_CTX_set_max_cert_list(c, bytes); }
static inline long ctls_set_groups(SSL_CTX *c, const char *list) { return SSL_CTX_set1_groups_list(c, list); }
/// Adds a reference to `x`; the caller keeps its own.
static inline long ctls_context_add_chain(SSL_CTX *c, X509 *x) { return SSL_CTX_add1_chain_cert(c, x); }
/// Adds a reference to `x`; the caller keeps its own.
static inline long ctls_session_add_chain(SSL *s, X509 *x) { return SSL_add1_chain_cert(s, x); }
static inline long ctls_set_server_name(SSL *s, const char *name) { return SSL_set_tlsext_host_name(s, (char *)name); }
static inline void ctls_bio_set_retry_read(BIO *b) { BIO_set_retry_read(b); }
static inline void ctls_bio_clear_retry(BIO *b) { BIO_clear_retry_flags(b); }
/// The bytes of a memory BIO. The BIO owns them.
static inline long ctls_bio_memory(BIO *b, char **bytes) { return BIO_get_mem_data(b, bytes); }
/// The verified chain; the leaf comes first. The store context owns the certificates.
static inline int ctls_chain_count(X509_STORE_CTX *c) { return sk_X509_num(X509_STORE_CTX_get0_chain(c)); }
static inline X509 *ctls_chain_certificate(X509_STORE_CTX *c, int i) { return sk_X509_value(X509_STORE_CTX_get0_chain(c), i); }
static inline EVP_PKEY *ctls_generate_ec_key(const char *group) { return EVP_EC_gen(group); }

/// A HMAC-SHA-256 context with its key set. The caller duplicates it for each message and frees it. NULL on failure.
EVP_MAC_CTX *ctls_hmac_sha256_new(EVP_MAC *mac, const unsigned char *key, size_t count);
/// Adds the extension that `value` describes in OpenSSL's configuration language (x509v3_config(5)). Returns 1, or 0 on
/// failure.
/// `value` must be a constant: text from a peer could inject syntax of that language.
int ctls_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value);
/// As `ctls_add_extension`, for a list of revoked certificates.
int ctls_add_crl_extension(X509_CRL *list, X509 *issuer, int nid, const char *value);

#endif
