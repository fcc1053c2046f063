// A file descriptor with one owner, for the few files and pipes of the private PostgreSQL. It is closed in deinit.

internal import Glibc

struct OwnedDescriptor: ~Copyable, Sendable {
  let raw: CInt

  init(owning raw: CInt) {
    precondition(raw >= 0)
    self.raw = raw
  }

  deinit { _ = Glibc.close(raw) }
}
