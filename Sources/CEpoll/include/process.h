// posix_spawn(3), waitpid(2), pidfd_open(2), sched_setattr(2): children and other processes. Every call returns -errno on failure.
#ifndef CEPOLL_PROCESS_H
#define CEPOLL_PROCESS_H

/// Starts `path` in a session of its own, so that the terminal's Ctrl-C and hang-up never reach it, with every signal
/// unblocked and at its default, no descriptor but 0 to 2, and standard input from /dev/null.
/// - directory: the child's working directory.
/// - output_fd: becomes its standard output and standard error; stays open here.
/// - Returns: the process id. A program that can't be executed fails here, not in the child.
int cepoll_spawn(const char *path, char *const *arguments, char *const *environment, const char *directory,
                 int output_fd);

/// waitpid(2) without blocking for a child of ours: its id once it has ended, 0 while it runs.
/// Exactly one of `exit_code` and `signal_number` is then >= 0.
int cepoll_reap(int process_id, int *exit_code, int *signal_number);

/// A descriptor that becomes readable when the process ends, whoever its parent is. -ENOSYS before Linux 5.3.
int cepoll_pidfd_open(int process_id);

/// Sends a signal to the very process `pidfd` was opened for, never to a later owner of its number.
int cepoll_pidfd_signal(int pidfd, int signal_number);

/// pipe2(2), close-on-exec: read end, write end.
int cepoll_pipe(int *read_end, int *write_end);

/// poll(2) for input on two descriptors (-1: none). Bit 0: the first is readable or hung up, bit 1: the second.
/// 0: `timeout_ms` passed (-1: never), or a signal came in between.
int cepoll_poll_either(int first, int second, int timeout_ms);

/// write(2) for a descriptor that others may have set to be nonblocking: waits in poll(2) for room then.
/// - Returns: how many bytes were taken, or -errno; never -EINTR or -EAGAIN.
long cepoll_write(int fd, const void *bytes, unsigned long count);

/// As `cepoll_write`, for at most PIPE_BUF bytes and a bounded time: 0 if there was no room for them within `timeout_ms`.
long cepoll_write_within(int fd, const void *bytes, unsigned long count, int timeout_ms);

/// How many bytes a pipe takes at once or not at all, and without waiting if poll(2) says that it is writable (pipe(7)).
int cepoll_pipe_bytes(void);

/// Puts off the end of the process by a fatal signal (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV) until `held` is 0,
/// at most `limit_ms`; then whoever handled the signal before does so. Other threads run on meanwhile. `held` lives for ever.
/// Once only.
int cepoll_await_before_fatal(const long *held, int limit_ms);

/// _exit(2): ends the process at once, without anything that was to be done at its end.
void cepoll_exit_now(int status);

/// Takes the advisory lock of flock(2) without waiting. -EWOULDBLOCK: somebody else has it.
int cepoll_lock(int fd);

/// Takes a shared lock on one byte of a file, or of where it would be (fcntl(2), F_OFD_SETLK), without waiting.
int cepoll_share_byte(int fd, long long offset);
/// Whether a lock of another open file description lies on the byte: 1, else 0.
int cepoll_is_byte_locked(int fd, long long offset);

/// The process at the other end of a Unix-domain socket: who listens there (unix(7), SO_PEERCRED). 0: another kind of socket, or
/// a process of a namespace that we don't see.
int cepoll_peer_process(int fd);

/// The parent of a process (proc(5), stat).
int cepoll_parent_process(int process_id);

/// Lowers the priority of a process: nice(2), within its autogroup and of it (sched(7)), and the shortest slice (sched_setattr(2);
/// since Linux 6.12), during which who wakes up would have to wait.
int cepoll_give_way(int process_id, int niceness);

/// malloc_trim(3): gives memory that is free at the ends and in the middle of the heaps back to the system.
void cepoll_trim_memory(void);

#endif
