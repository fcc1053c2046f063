#define _GNU_SOURCE
#include "process.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int describe_child(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *directory,
                          int output_fd) {
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, output_fd, STDERR_FILENO);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (error == 0) error = posix_spawn_file_actions_addchdir_np(actions, directory);
    if (error != 0) return error;

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0)
        error = posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

int cepoll_spawn(const char *path, char *const *arguments, char *const *environment, const char *directory,
                 int output_fd) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    pid_t process_id = 0;
    error = describe_child(&actions, &attributes, directory, output_fd);
    if (error == 0) error = posix_spawn(&process_id, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? process_id : -error;
}

int cepoll_reap(int process_id, int *exit_code, int *signal_number) {
    int status = 0;
    pid_t reaped;
    do reaped = waitpid(process_id, &status, WNOHANG);
    while (reaped < 0 && errno == EINTR);
    if (reaped < 0) return -errno;
    *exit_code = reaped > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signal_number = reaped > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    return reaped;
}

int cepoll_pidfd_open(int process_id) {
    int fd = (int)syscall(SYS_pidfd_open, process_id, 0);
    return fd >= 0 ? fd : -errno;
}

int cepoll_pidfd_signal(int pidfd, int signal_number) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) == 0 ? 0 : -errno;
}

int cepoll_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int cepoll_poll_either(int first, int second, int timeout_ms) {
    struct pollfd watched[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    int ready = poll(watched, 2, timeout_ms);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return (watched[0].revents != 0 ? 1 : 0) | (watched[1].revents != 0 ? 2 : 0);
}

int cepoll_peer_process(int fd) {
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : -errno;
}

/* Opens the file NAME of /proc/PROCESS. */
static int open_process_file(int process_id, const char *name, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process_id, name);
    int fd = open(path, flags | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int cepoll_parent_process(int process_id) {
    int fd = open_process_file(process_id, "stat", O_RDONLY);
    if (fd < 0) return fd;
    char text[512];
    ssize_t count = read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    if (count < 0) return -error;
    text[count] = 0;
    /* "PID (NAME) STATE PARENT ...". NAME may hold any character, also parentheses. */
    char *end = strrchr(text, ')');
    int parent = 0;
    return end != NULL && sscanf(end, ") %*c %d", &parent) == 1 ? parent : -EPROTO;
}

int cepoll_give_way(int process_id, int niceness) {
    /* The layout of struct sched_attr. The C library of Debian 12 has neither the struct nor the call. */
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attributes = {.size = 48, .policy = SCHED_OTHER, .nice = niceness, .runtime_ns = 100000};
    if (syscall(SYS_sched_setattr, process_id, &attributes, 0) != 0) return -errno;
    /* The file is absent without CONFIG_SCHED_AUTOGROUP. Each backend of PostgreSQL has a group of its own (setsid). */
    int fd = open_process_file(process_id, "autogroup", O_WRONLY);
    if (fd >= 0) {
        char text[16];
        ssize_t written = write(fd, text, snprintf(text, sizeof text, "%d", niceness));
        (void)written;
        close(fd);
    }
    return 0;
}

static int await_room(int fd, int timeout_ms) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    int ready = poll(&room, 1, timeout_ms);
    if (ready < 0) return errno == EINTR ? 1 : -errno;
    return ready;
}

long cepoll_write(int fd, const void *bytes, unsigned long count) {
    while (true) {
        ssize_t written = write(fd, bytes, count);
        if (written >= 0) return written;
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return -errno;
        int waited = await_room(fd, -1);
        if (waited < 0) return waited;
    }
}

long cepoll_write_within(int fd, const void *bytes, unsigned long count, int timeout_ms) {
    int room = await_room(fd, timeout_ms);
    if (room <= 0) return room;
    ssize_t written = write(fd, bytes, count);
    if (written >= 0) return written;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int cepoll_pipe_bytes(void) { return PIPE_BUF; }

static const int fatal_signals[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
static struct sigaction fatal_before[sizeof fatal_signals / sizeof *fatal_signals];
static const long *fatal_held;
static int fatal_limit_ms;

static void await_before_fatal(int signal_number) {
    // This handler makes only calls that signal-safety(7) permits.
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int slept = 0; slept < fatal_limit_ms && __atomic_load_n(fatal_held, __ATOMIC_ACQUIRE) > 0; slept++)
        nanosleep(&nap, NULL);
    for (unsigned i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++)
        if (fatal_signals[i] == signal_number) sigaction(signal_number, &fatal_before[i], NULL);
    // The signal is delivered when this handler returns.
    raise(signal_number);
}

int cepoll_await_before_fatal(const long *held, int limit_ms) {
    fatal_held = held;
    fatal_limit_ms = limit_ms;
    struct sigaction action = {.sa_handler = await_before_fatal};
    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++)
        if (sigaction(fatal_signals[i], &action, &fatal_before[i]) != 0) return -errno;
    return 0;
}

void cepoll_exit_now(int status) { _exit(status); }

int cepoll_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

// F_OFD_*, not F_SETLK: a lock of F_SETLK belongs to the whole process and ends when any descriptor of the file is
// closed.
int cepoll_share_byte(int fd, long long offset) {
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

int cepoll_is_byte_locked(int fd, long long offset) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void cepoll_trim_memory(void) { malloc_trim(0); }
