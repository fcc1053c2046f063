// zlib. inflateInit2 and deflateInit2 are macros that pass the header's version along. These functions wrap them for
// Swift.
#ifndef CEPOLL_ZLIB_H
#define CEPOLL_ZLIB_H
#include <zlib.h>

/// The window of RFC 1951 (32 KiB) plus zlib's flag for a gzip header and trailer.
#define CEPOLL_GZIP_WINDOW_BITS (15 + 16)

static inline int cepoll_gzip_inflate_init(z_stream *stream) {
    return inflateInit2(stream, CEPOLL_GZIP_WINDOW_BITS);
}

/// Memory level 8 and the default strategy are zlib's defaults.
static inline int cepoll_gzip_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, CEPOLL_GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY);
}

#endif
