#include "tls.h"

// Without this flag exit(3) would free OpenSSL's state (OPENSSL_init_crypto(3)) while threads still use it: in a
// program that ends with an error during its start, and in a test run, whose servers serve to the end. The constructor
// runs before any other use of OpenSSL, because the first use decides.
__attribute__((constructor)) static void keep_openssl_to_the_end(void) {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

EVP_MAC_CTX *ctls_hmac_sha256_new(EVP_MAC *mac, const unsigned char *key, size_t count) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    if (context != NULL && EVP_MAC_init(context, key, count, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static X509_EXTENSION *extension_new(X509 *issuer, X509 *certificate, X509_CRL *list, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, list, 0);
    return X509V3_EXT_nconf_nid(NULL, &context, nid, value);
}

int ctls_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509_EXTENSION *extension = extension_new(issuer, certificate, NULL, nid, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

int ctls_add_crl_extension(X509_CRL *list, X509 *issuer, int nid, const char *value) {
    X509_EXTENSION *extension = extension_new(issuer, NULL, list, nid, value);
    if (extension == NULL) return 0;
    int added = X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}
