// This program's own malloc, read, send and so on replace those of libc, also for Swift's runtime, OpenSSL and libpq:
// the dynamic linker looks into the executable first. Each function counts and passes the call on.
#define _GNU_SOURCE
#include "counters.h"
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define NOT_COUNTED 1
#endif
#endif

// "initial-exec", because another model may allocate the thread-local at its first use, by malloc.
static __thread __attribute__((tls_model("initial-exec"))) struct counted mine;

struct counted counted_by_this_thread(void) { return mine; }

#ifdef NOT_COUNTED
int counting_is_possible(void) { return 0; }
#else
int counting_is_possible(void) { return 1; }

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
    mine.allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    mine.allocations++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    mine.allocations++;
    return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    mine.allocations++;
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    void *memory = memalign(alignment, bytes);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

typedef void *(*copier)(void *, const void *, size_t);
static copier next_memcpy, next_memmove;

__attribute__((constructor)) static void find_next(void) {
    copier copy = (copier)dlsym(RTLD_NEXT, "memcpy"), move = (copier)dlsym(RTLD_NEXT, "memmove");
    next_memcpy = copy;
    next_memmove = move;
}

// Copies before libc's functions have been found, because dlsym copies memory itself. Without `volatile` the compiler
// would turn the loop into a call of memmove.
static void *move_by_bytes(void *to, const void *from, size_t bytes) {
    volatile char *target = to;
    const volatile char *source = from;
    if ((const char *)to <= (const char *)from) {
        for (size_t i = 0; i < bytes; i++) target[i] = source[i];
    } else {
        for (size_t i = bytes; i > 0; i--) target[i - 1] = source[i - 1];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes) {
    mine.copied_bytes += bytes;
    return next_memcpy ? next_memcpy(to, from, bytes) : move_by_bytes(to, from, bytes);
}

void *memmove(void *to, const void *from, size_t bytes) {
    mine.copied_bytes += bytes;
    return next_memmove ? next_memmove(to, from, bytes) : move_by_bytes(to, from, bytes);
}

// These functions make the system call directly and lack libc's cancellation point. No thread of this program is
// cancelled.
ssize_t read(int descriptor, void *bytes, size_t count) {
    mine.reads++;
    return syscall(SYS_read, descriptor, bytes, count);
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags) {
    mine.reads++;
    return syscall(SYS_recvfrom, descriptor, bytes, count, flags, NULL, NULL);
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
    mine.reads++;
    return syscall(SYS_recvmsg, descriptor, message, flags);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    mine.writes++;
    return syscall(SYS_write, descriptor, bytes, count);
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
    mine.writes++;
    return syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    mine.writes++;
    return syscall(SYS_sendmsg, descriptor, message, flags);
}
#endif
