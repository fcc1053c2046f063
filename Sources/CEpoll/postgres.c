#include "postgres.h"

#include <errno.h>
#include <fcntl.h>

int cpostgres_duplicate_descriptor(int descriptor) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}
