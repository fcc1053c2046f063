// zlib. inflateInit2 and deflateInit2 are macros; their functions are here.
#ifndef CEPOLL_ZLIB_H
#define CEPOLL_ZLIB_H
#include <zlib.h>
#endif
