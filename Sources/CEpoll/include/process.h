// posix_spawn(3), waitpid(2), pidfd_open(2), sched_setattr(2): child processes and other processes. Each function
// returns -errno on failure.
#ifndef CEPOLL_PROCESS_H
#define CEPOLL_PROCESS_H

/// Starts `path` in a session of its own, so that the terminal's Ctrl-C and hang-up do not reach it. All signals are
/// unblocked and have their default action. The child has only descriptors 0 to 2; its standard input is /dev/null.
/// - directory: the child's working directory.
/// - output_fd: becomes the child's standard output and standard error. The caller keeps its descriptor.
/// - Returns: the process id. If the program can't be executed, this call fails and there is no child.
int cepoll_spawn(const char *path, char *const *arguments, char *const *environment, const char *directory,
                 int output_fd);

/// Asks for the end of a child with waitpid(2), without blocking. Returns the child's id once it has ended, 0 while it
/// runs. After the end exactly one of `exit_code` and `signal_number` is >= 0.
int cepoll_reap(int process_id, int *exit_code, int *signal_number);

/// A descriptor that becomes readable when the process ends. The process need not be a child. -ENOSYS before Linux 5.3.
int cepoll_pidfd_open(int process_id);

/// Sends a signal to the process for which `pidfd` was opened, never to a later process with the same number.
int cepoll_pidfd_signal(int pidfd, int signal_number);

/// pipe2(2) with close-on-exec. The caller owns both ends.
int cepoll_pipe(int *read_end, int *write_end);

/// Waits with poll(2) for input on two descriptors; -1 stands for no descriptor. Bit 0 of the result: the first one is
/// readable or hung up; bit 1: the second one. The result is 0 after `timeout_ms` (-1: no limit), and also when a
/// signal interrupts the wait.
int cepoll_poll_either(int first, int second, int timeout_ms);

/// write(2) for a descriptor that another process may have made nonblocking. If there is no room it waits in poll(2).
/// - Returns: how many bytes were written, or -errno; never -EINTR or -EAGAIN.
long cepoll_write(int fd, const void *bytes, unsigned long count);

/// As `cepoll_write`, for at most PIPE_BUF bytes and at most `timeout_ms`. Returns 0 if there was no room within that
/// time.
long cepoll_write_within(int fd, const void *bytes, unsigned long count, int timeout_ms);

/// PIPE_BUF: a pipe takes up to this many bytes as a whole or not at all, and without waiting if poll(2) reports it
/// writable (pipe(7)).
int cepoll_pipe_bytes(void);

/// Delays the end of the process by a fatal signal (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV) until `*held` is
/// 0, but by at most `limit_ms`. Then the signal's former handler runs. Other threads run on meanwhile. `held` must
/// stay valid until the process ends. Call this function once at most.
int cepoll_await_before_fatal(const long *held, int limit_ms);

/// _exit(2): ends the process at once. Exit handlers do not run.
void cepoll_exit_now(int status);

/// Takes the advisory lock of flock(2) without waiting. -EWOULDBLOCK: another open file description has the lock.
int cepoll_lock(int fd);

/// Takes a shared lock on one byte of a file without waiting (fcntl(2), F_OFD_SETLK). The byte may lie behind the end
/// of the file.
int cepoll_share_byte(int fd, long long offset);
/// 1 if another open file description has a lock on the byte, else 0; errors also give 0.
int cepoll_is_byte_locked(int fd, long long offset);

/// The process id of the listener at the other end of a Unix-domain socket (unix(7), SO_PEERCRED). 0 for another kind
/// of socket, or for a process in a namespace that this process can't see.
int cepoll_peer_process(int fd);

/// The id of a process's parent (proc(5), stat).
int cepoll_parent_process(int process_id);

/// Lowers the priority of a process. It sets the nice value of the process within its autogroup and that of the
/// autogroup (nice(2), sched(7)), and the shortest time slice (sched_setattr(2), since Linux 6.12). With a short slice,
/// another process that wakes up waits less for the processor.
int cepoll_give_way(int process_id, int niceness);

/// malloc_trim(3): returns free heap memory to the system.
void cepoll_trim_memory(void);

#endif
