// Each descriptor has exactly one owner, which closes it at the end of its life. Code with a second owner does not
// compile.

internal import CEpoll.Epoll
internal import Glibc

/// Owns one descriptor and closes it at the end of its life.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, for a system call. It must not be used after this value is gone.
  public let raw: CInt

  /// Takes over `raw`. From then on no other code may close it.
  public init(owning raw: CInt) {
    precondition(raw >= 0)
    self.raw = raw
  }

  /// Lends the number to `body`. The descriptor stays open during the call.
  public borrowing func withRaw<R, E: Error>(_ body: (CInt) throws(E) -> R) throws(E) -> R {
    try body(raw)
  }

  /// Gives the descriptor up without closing it, for example to a C library that closes it.
  public consuming func release() -> CInt {
    let raw = self.raw
    discard self
    return raw
  }

  deinit {
    // close(2) is never repeated. On Linux the number is free even after EINTR, and another thread may already have it.
    let result = cepoll_close(raw)
    precondition(result != -EBADF, "descriptor \(raw) was closed by code that did not own it")
  }
}
