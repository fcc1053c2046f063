import Reactor
import Synchronization

/// Passes a new lane's handle and listening addresses from the lane's thread to the thread that starts the server.
final class LaneBirth: Sendable {
  private let born = Mutex<([SocketAddress], LaneHandle)?>(nil)

  /// Stores the addresses and the handle. The lane's thread calls it once.
  func report(_ addresses: [SocketAddress], _ lane: LaneHandle) { born.withLock { $0 = (addresses, lane) } }

  /// Returns the stored addresses and handle. Call it after the lane's thread has started.
  func take() -> ([SocketAddress], LaneHandle) {
    guard let born = born.withLock({ $0 }) else { preconditionFailure("the thread started without its lane") }
    return born
  }
}
