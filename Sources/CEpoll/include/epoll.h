// epoll(7), eventfd(2), signalfd(2), accept4(2): the system calls of the reactor, errno returned as -errno.
#ifndef CEPOLL_EPOLL_H
#define CEPOLL_EPOLL_H
#include <stdint.h>
#include <sys/epoll.h>

/// Layout-identical to struct epoll_event, without the union (whose pointer member makes the Swift type unsafe).
struct cepoll_ready {
    uint32_t events;
    uint64_t key;
} __attribute__((packed));

#endif
