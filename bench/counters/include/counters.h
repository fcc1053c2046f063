// Counts a thread's calls of the allocator and of the socket functions, and the bytes that it copies. The counts are
// exact, so tests can assert them; a time would depend on the machine. Linked into tests and pganalytics-micro, never
// into the server.
#ifndef COUNTERS_H
#define COUNTERS_H
#include <stdint.h>

/// The counts of the calling thread since it began.
struct counted {
    /// Calls of malloc, calloc, realloc and the aligned variants.
    uint64_t allocations;
    /// Calls of read, recv and recvmsg, and of write, send and sendmsg.
    uint64_t reads;
    uint64_t writes;
    /// Bytes copied by memcpy and memmove. The compiler mostly inlines copies of a constant size, which are not
    /// counted.
    uint64_t copied_bytes;
};

/// The counts of the calling thread so far.
struct counted counted_by_this_thread(void);
/// 1 if calls are counted. 0 in a build with a sanitizer, which has an allocator of its own.
int counting_is_possible(void);

#endif
