#define _GNU_SOURCE
#include "epoll.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct cepoll_ready) == sizeof(struct epoll_event), "cepoll_ready must match epoll_event");
_Static_assert(offsetof(struct cepoll_ready, key) == offsetof(struct epoll_event, data), "cepoll_ready must match");

static int result(int value) { return value >= 0 ? value : -errno; }

int cepoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int cepoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    return result(epoll_ctl(epoll, operation, fd, &event));
}

int cepoll_wait(int epoll, struct cepoll_ready *ready, int capacity, int64_t nanoseconds) {
    struct epoll_event *events = (struct epoll_event *)ready;
    struct timespec wait = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    int count = epoll_pwait2(epoll, events, capacity, nanoseconds < 0 ? NULL : &wait, NULL);
    if (count >= 0 || errno != ENOSYS) return result(count);
    int64_t milliseconds = nanoseconds < 0 ? -1 : nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return result(epoll_wait(epoll, events, capacity, milliseconds > INT_MAX ? INT_MAX : (int)milliseconds));
}

int cepoll_wake_flag(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int cepoll_semaphore(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)); }
int cepoll_eventfd_add(int fd, uint64_t value) { return write(fd, &value, sizeof value) < 0 ? -errno : 0; }
int cepoll_eventfd_take(int fd) {
    uint64_t value;
    return read(fd, &value, sizeof value) < 0 ? -errno : 0;
}

static sigset_t set_of(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    return set;
}

int cepoll_block_signals(const int *signals, int count) {
    sigset_t set = set_of(signals, count);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cepoll_signal_source(const int *signals, int count) {
    sigset_t set = set_of(signals, count);
    return result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int cepoll_take_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) < 0 ? -errno : (int)info.ssi_signo;
}

int cepoll_ignore_sigpipe(void) { return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0; }

union endpoint {
    struct sockaddr generic;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

static socklen_t to_endpoint(const struct cepoll_address *address, union endpoint *out) {
    memset(out, 0, sizeof *out);
    if (address->version == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(address->port);
        memcpy(&out->v4.sin_addr, address->octets, 4);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(address->port);
    out->v6.sin6_scope_id = address->zone;
    memcpy(&out->v6.sin6_addr, address->octets, 16);
    return sizeof out->v6;
}

static void from_endpoint(const union endpoint *endpoint, struct cepoll_address *out) {
    memset(out, 0, sizeof *out);
    if (endpoint->generic.sa_family == AF_INET) {
        out->version = 4;
        out->port = ntohs(endpoint->v4.sin_port);
        memcpy(out->octets, &endpoint->v4.sin_addr, 4);
    } else if (endpoint->generic.sa_family == AF_INET6) {
        out->version = 6;
        out->port = ntohs(endpoint->v6.sin6_port);
        out->zone = endpoint->v6.sin6_scope_id;
        memcpy(out->octets, &endpoint->v6.sin6_addr, 16);
    }
}

int cepoll_parse_ip(const char *text, struct cepoll_address *out) {
    uint8_t octets[16] = {0};
    uint8_t version = inet_pton(AF_INET, text, octets) == 1 ? 4 : inet_pton(AF_INET6, text, octets) == 1 ? 6 : 0;
    if (version == 0) return 0;
    out->version = version;
    memcpy(out->octets, octets, sizeof octets);
    return 1;
}

int cepoll_print_ip(const struct cepoll_address *address, char *out, size_t capacity) {
    int family = address->version == 4 ? AF_INET : AF_INET6;
    return inet_ntop(family, address->octets, out, (socklen_t)capacity) == NULL ? -errno : 0;
}

int cepoll_resolve(const char *host, uint16_t port, struct cepoll_address *out, int capacity) {
    char service[6];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) return code;
    int count = 0;
    for (struct addrinfo *each = found; each != NULL && count < capacity; each = each->ai_next) {
        union endpoint endpoint = {0};
        if (each->ai_addrlen > sizeof endpoint) continue;
        memcpy(&endpoint, each->ai_addr, each->ai_addrlen);
        from_endpoint(&endpoint, &out[count]);
        if (out[count].version != 0) count++;
    }
    freeaddrinfo(found);
    return count;
}

const char *cepoll_resolve_error(int code) { return gai_strerror(code); }

int cepoll_tcp_socket(uint8_t version) {
    int family = version == 4 ? AF_INET : AF_INET6;
    return result(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

int cepoll_set_option(int fd, int level, int name, int value) {
    return result(setsockopt(fd, level, name, &value, sizeof value));
}

int cepoll_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

int cepoll_bind(int fd, const struct cepoll_address *address) {
    union endpoint endpoint;
    socklen_t length = to_endpoint(address, &endpoint);
    return result(bind(fd, &endpoint.generic, length));
}

int cepoll_listen(int fd, int backlog) { return result(listen(fd, backlog)); }

int cepoll_connect(int fd, const struct cepoll_address *address) {
    union endpoint endpoint;
    socklen_t length = to_endpoint(address, &endpoint);
    return result(connect(fd, &endpoint.generic, length));
}

int cepoll_accept(int fd, struct cepoll_address *peer) {
    union endpoint endpoint = {0};
    socklen_t length = sizeof endpoint;
    int accepted = accept4(fd, &endpoint.generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) return -errno;
    from_endpoint(&endpoint, peer);
    return accepted;
}

int cepoll_local_address(int fd, struct cepoll_address *out) {
    union endpoint endpoint = {0};
    socklen_t length = sizeof endpoint;
    if (getsockname(fd, &endpoint.generic, &length) < 0) return -errno;
    from_endpoint(&endpoint, out);
    return 0;
}

int cepoll_peer_address(int fd, struct cepoll_address *out) {
    union endpoint endpoint = {0};
    socklen_t length = sizeof endpoint;
    if (getpeername(fd, &endpoint.generic, &length) < 0) return -errno;
    from_endpoint(&endpoint, out);
    return 0;
}

int cepoll_pending_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : error;
}

long cepoll_receive(int fd, void *bytes, size_t count) {
    ssize_t received = recv(fd, bytes, count, 0);
    return received < 0 ? -errno : received;
}

long cepoll_send(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int cepoll_shutdown_write(int fd) { return result(shutdown(fd, SHUT_WR)); }
int cepoll_close(int fd) { return result(close(fd)); }
int cepoll_open_null(void) { return result(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int cepoll_get_descriptor_limit(uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

int cepoll_set_descriptor_limit(uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return result(setrlimit(RLIMIT_NOFILE, &limit));
}

int cepoll_name_thread(const char *name) {
    char kept[16];
    snprintf(kept, sizeof kept, "%s", name);
    return -pthread_setname_np(pthread_self(), kept);
}

uint64_t cepoll_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
