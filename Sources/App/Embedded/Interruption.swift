// The wish to end long work early, as a descriptor that poll(2) can watch.

internal import CEpoll.Process
internal import Reactor
internal import Synchronization

/// A wish that is raised once, by any thread, and stays.
final class Interruption: Sendable {
  /// Readable from the moment of `raise` on.
  private let source: FileDescriptor
  /// The other end, which `raise` closes.
  private let signal: Mutex<FileDescriptor?>

  /// - Throws: `.systemCall` if the process has no descriptors left.
  init() throws(EmbeddedPostgresError) {
    var readEnd: CInt = -1
    var writeEnd: CInt = -1
    let made = cepoll_pipe(&readEnd, &writeEnd)
    guard made == 0 else { throw .systemCall("pipe2", path: "pipe", errno: -made) }
    source = FileDescriptor(owning: readEnd)
    signal = Mutex(FileDescriptor(owning: writeEnd))
  }

  /// For poll(2). It is valid as long as this object.
  var descriptor: CInt { source.raw }

  var isRaised: Bool { signal.withLock { $0 == nil } }

  func raise() { signal.withLock { $0 = nil } }
}
