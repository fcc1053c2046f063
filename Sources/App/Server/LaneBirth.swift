import Reactor
import Synchronization

/// Carries a new lane's handle from its thread to who starts it.
final class LaneBirth: Sendable {
  private let born = Mutex<([SocketAddress], LaneHandle)?>(nil)

  func report(_ addresses: [SocketAddress], _ lane: LaneHandle) { born.withLock { $0 = (addresses, lane) } }

  /// What was reported. Called after the thread has started.
  func take() -> ([SocketAddress], LaneHandle) {
    guard let born = born.withLock({ $0 }) else { preconditionFailure("the thread started without its lane") }
    return born
  }
}
