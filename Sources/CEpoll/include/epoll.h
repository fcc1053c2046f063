// epoll(7), eventfd(2), signalfd(2), accept4(2), ip(7), tcp(7): the system calls of the reactor.
// Each function makes one call and returns its result (>= 0) or -errno. No function retries or decides anything.
#ifndef CEPOLL_EPOLL_H
#define CEPOLL_EPOLL_H
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/// Has the layout of struct epoll_event without its union, because the union's pointer member makes the Swift type
/// unsafe.
struct cepoll_ready {
    uint32_t events;
    uint64_t key;
} __attribute__((packed));

int cepoll_create(void);
/// operation: EPOLL_CTL_ADD, _MOD or _DEL.
int cepoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t key);
/// Waits at most `nanoseconds`, or without limit if it is negative. Kernels before 5.11 have no epoll_pwait2; there the
/// wait is rounded up to whole milliseconds.
int cepoll_wait(int epoll, struct cepoll_ready *ready, int capacity, int64_t nanoseconds);

/// A nonblocking eventfd: a flag that wakes an epoll.
int cepoll_wake_flag(void);
/// A blocking eventfd in semaphore mode: each read takes one of the units that were added.
int cepoll_semaphore(void);
/// Adds `value` to an eventfd.
int cepoll_eventfd_add(int fd, uint64_t value);
/// Reads an eventfd: clears a flag, or takes one unit of a semaphore.
int cepoll_eventfd_take(int fd);

/// Blocks the signals in the calling thread.
int cepoll_block_signals(const int *signals, int count);
/// A nonblocking signalfd for `signals`, which must already be blocked.
int cepoll_signal_source(const int *signals, int count);
/// The number of the next pending signal, or -EAGAIN if there is none.
int cepoll_take_signal(int fd);
/// Ignores SIGPIPE in the whole process.
int cepoll_ignore_sigpipe(void);

/// One IPv4 or IPv6 endpoint. octets: network byte order; IPv4 in the first four bytes, the rest 0. port: host byte
/// order.
struct cepoll_address {
    uint64_t octets[2];
    uint32_t zone;
    uint16_t port;
    uint8_t version; // 4 or 6; 0 for another address family (a Unix socket)
};

/// 1 if `text` is a numeric IPv4 or IPv6 address without a zone, else 0. The port of `out` is not changed.
int cepoll_parse_ip(const char *text, struct cepoll_address *out);
/// Writes the numeric form with a NUL at its end. `capacity` must be at least 46 (INET6_ADDRSTRLEN).
int cepoll_print_ip(const struct cepoll_address *address, char *out, size_t capacity);
/// getaddrinfo(3); it blocks. Returns the number of addresses, at most `capacity`, or a negative EAI_ code.
int cepoll_resolve(const char *host, uint16_t port, struct cepoll_address *out, int capacity);
/// The text for an EAI_ code; a constant of the C library.
const char *cepoll_resolve_error(int code);

/// A nonblocking TCP socket. version: 4 or 6.
int cepoll_tcp_socket(uint8_t version);
/// setsockopt(2) with an int.
int cepoll_set_option(int fd, int level, int name, int value);
/// Makes close(2) send RST and drop unsent data (SO_LINGER with 0 s).
int cepoll_reset_on_close(int fd);
int cepoll_bind(int fd, const struct cepoll_address *address);
int cepoll_listen(int fd, int backlog);
int cepoll_connect(int fd, const struct cepoll_address *address);
/// accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC.
int cepoll_accept(int fd, struct cepoll_address *peer);
int cepoll_local_address(int fd, struct cepoll_address *out);
int cepoll_peer_address(int fd, struct cepoll_address *out);
/// SO_ERROR: the pending error as a positive errno, or 0 if there is none.
int cepoll_pending_error(int fd);
/// recv(2), and send(2) with MSG_NOSIGNAL. Both return the number of bytes.
long cepoll_receive(int fd, void *bytes, size_t count);
long cepoll_send(int fd, const void *bytes, size_t count);
int cepoll_shutdown_write(int fd);
int cepoll_close(int fd);
/// A descriptor of /dev/null, which reserves a place in the descriptor table.
int cepoll_open_null(void);

/// Reads and sets RLIMIT_NOFILE.
int cepoll_get_descriptor_limit(uint64_t *soft, uint64_t *hard);
int cepoll_set_descriptor_limit(uint64_t soft, uint64_t hard);
/// Names the calling thread. The kernel keeps the first 15 bytes.
int cepoll_name_thread(const char *name);
/// CLOCK_MONOTONIC.
uint64_t cepoll_monotonic_nanoseconds(void);

#endif
