// libpq. The include path is relative to /usr/include, so no search path and no pkg-config are needed on Debian.
// No <fcntl.h> here: it brings struct stat, which in a whole-module build then belongs to CEpoll instead of Glibc.
#ifndef CEPOLL_POSTGRES_H
#define CEPOLL_POSTGRES_H
#include <postgresql/libpq-fe.h>

int cpostgres_duplicate_descriptor(int descriptor);

/// A descriptor of our own for the connection's socket, or -errno. libpq closes its own one when a connection attempt
/// moves on and when a connection breaks, without a word; a poller that holds that number would then hold another's.
static inline int cpostgres_duplicate_socket(const PGconn *connection) {
    // Inline: who links CEpoll without libpq has no PQsocket.
    return cpostgres_duplicate_descriptor(PQsocket(connection));
}

static inline void cpostgres_ignore_notice(void *context, const PGresult *notice) { (void)context; (void)notice; }

/// Keeps notices (e.g. of CREATE ... IF NOT EXISTS) from being printed to standard error, libpq's default.
static inline void cpostgres_ignore_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, cpostgres_ignore_notice, NULL);
}

// The character constants of postgres_ext.h, which Swift would import as CChar.
enum { CPOSTGRES_SQLSTATE = PG_DIAG_SQLSTATE, CPOSTGRES_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
       CPOSTGRES_DETAIL = PG_DIAG_MESSAGE_DETAIL, CPOSTGRES_CONTEXT = PG_DIAG_CONTEXT,
       CPOSTGRES_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME, CPOSTGRES_TABLE = PG_DIAG_TABLE_NAME };
#endif
