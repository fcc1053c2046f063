// Counts what a thread asks of the allocator and of the kernel's sockets, and what it copies. The counts are exact, so tests can assert them
// where a time would depend on the machine. Linked into tests and pganalytics-micro, never into the server.
#ifndef COUNTERS_H
#define COUNTERS_H
#include <stdint.h>

/// What the calling thread did since it began.
struct counted {
    /// Calls of malloc, calloc, realloc and their aligned kin.
    uint64_t allocations;
    /// Calls of read, recv and recvmsg, and of write, send and sendmsg.
    uint64_t reads;
    uint64_t writes;
    /// Bytes moved by memcpy and memmove. Copies of a size that the compiler knows are mostly inlined, and not counted.
    uint64_t copied_bytes;
};

struct counted counted_by_this_thread(void);
/// Whether the calls are counted here: not in a build with a sanitizer, which has an allocator of its own.
int counting_is_possible(void);

#endif
