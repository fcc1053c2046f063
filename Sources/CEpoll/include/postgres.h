// libpq. The include path is relative to /usr/include, so Debian needs neither a search path nor pkg-config. <fcntl.h>
// is not included here: it brings struct stat, which then belongs to CEpoll instead of Glibc in a whole-module build.
#ifndef CEPOLL_POSTGRES_H
#define CEPOLL_POSTGRES_H
#include <postgresql/libpq-fe.h>

int cpostgres_duplicate_descriptor(int descriptor);

/// A duplicate of the connection's socket descriptor, or -errno. The caller owns and closes it. libpq closes its own
/// descriptor without notice when a connection attempt moves to the next address and when a connection breaks. An epoll
/// that watched libpq's number would then watch the next owner of that number.
static inline int cpostgres_duplicate_socket(const PGconn *connection) {
    // Inline, because a program that links CEpoll without libpq has no PQsocket.
    return cpostgres_duplicate_descriptor(PQsocket(connection));
}

static inline void cpostgres_ignore_notice(void *context, const PGresult *notice) { (void)context; (void)notice; }

/// Drops notices (e.g. of CREATE ... IF NOT EXISTS). By default libpq prints them to standard error.
static inline void cpostgres_ignore_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, cpostgres_ignore_notice, NULL);
}

// The character constants of postgres_ext.h as integers. Swift would import them as CChar.
enum { CPOSTGRES_SQLSTATE = PG_DIAG_SQLSTATE, CPOSTGRES_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
       CPOSTGRES_DETAIL = PG_DIAG_MESSAGE_DETAIL, CPOSTGRES_CONTEXT = PG_DIAG_CONTEXT,
       CPOSTGRES_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME, CPOSTGRES_TABLE = PG_DIAG_TABLE_NAME };
#endif
