// A descriptor of the few files and pipes the private PostgreSQL needs: one owner, closed with it.

internal import Glibc

struct OwnedDescriptor: ~Copyable, Sendable {
  let raw: CInt

  init(owning raw: CInt) {
    precondition(raw >= 0)
    self.raw = raw
  }

  deinit { _ = Glibc.close(raw) }
}
