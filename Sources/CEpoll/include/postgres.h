// libpq. The include path is relative to /usr/include, so no search path and no pkg-config are needed on Debian.
#ifndef CEPOLL_POSTGRES_H
#define CEPOLL_POSTGRES_H
#include <postgresql/libpq-fe.h>
#endif
