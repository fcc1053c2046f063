// Whoever opens, owns: a descriptor has one owner, and dies with it. A second owner does not compile.

internal import CEpoll.Epoll
internal import Glibc

/// Owns one descriptor and closes it when it goes out of scope.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number, for a system call. Borrowed: it is meaningless once this value is gone.
  public let raw: CInt

  /// Takes over `raw`, which nobody else may close from here on.
  public init(owning raw: CInt) {
    precondition(raw >= 0)
    self.raw = raw
  }

  /// Lends the number for the duration of `body`: the descriptor is open at least that long.
  public borrowing func withRaw<R, E: Error>(_ body: (CInt) throws(E) -> R) throws(E) -> R {
    try body(raw)
  }

  /// Gives the descriptor up without closing it, e.g. to a C library that will.
  public consuming func release() -> CInt {
    let raw = self.raw
    discard self
    return raw
  }

  deinit {
    // close(2) is never repeated: on Linux the number is free even after EINTR, and may be another thread's by now.
    let result = cepoll_close(raw)
    precondition(result != -EBADF, "descriptor \(raw) was closed by somebody who did not own it")
  }
}
