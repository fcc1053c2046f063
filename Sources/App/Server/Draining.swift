// How a lane stops. It accepts nothing new and finishes the requests in progress. It closes idle connections share by
// share: ten thousand collectors that are disconnected at once would all reconnect at once, to the next server or after
// the next start. Connections that are left at the deadline are cut off.

import Ground
import Reactor

/// Closes a loop's connections within a window of time. Lives from the beginning of the drain to the end of the lane.
final class Draining: DeadlineHandler {
  private static let step = Duration.milliseconds(100)
  /// The time for sending the last answers.
  private static let lastWords = Duration.milliseconds(300)

  private let connections: ConnectionTable
  private let loop: EventLoop
  private let steps: Int
  private var stepsLeft: Int
  /// The number of connections at the beginning.
  private let total: Int
  /// When the last connections are closed. Set once the deadline has passed.
  private var endsAt: MonotonicTime?

  /// - Parameter window: within which the idle ones are closed.
  init(_ connections: ConnectionTable, loop: EventLoop, window: Duration) {
    self.connections = connections
    self.loop = loop
    total = connections.count
    steps = max(1, Int(window.wholeMilliseconds / Self.step.wholeMilliseconds))
    stepsLeft = steps
  }

  /// Closes the next share of the idle connections and schedules the next step. Called once from outside.
  func proceed() {
    stepsLeft -= 1
    let idle = connections.all.filter(\.isIdle)
    // As many may stay as the window has left of it.
    let excess = idle.count - total * stepsLeft / steps
    for connection in idle.prefix(max(0, excess)) { connection.drain() }
    if stepsLeft > 0 {
      _ = loop.schedule(self, at: loop.now + Self.step)
    } else {
      // Connections whose handshake is still unfinished are closed too.
      for connection in connections.all { connection.drain() }
    }
  }

  /// Answers the requests that wait and closes all connections; those without an answer to send close at once.
  func cutOff() {
    let end = loop.now + Self.lastWords
    endsAt = end
    for connection in connections.all { connection.cutOff() }
    if connections.count > 0 { _ = loop.schedule(self, at: end) }
  }

  func deadlineReached(_ id: TimerID) {
    guard let endsAt else { return proceed() }
    if loop.now < endsAt { return }  // a step of the drain that is over
    for connection in connections.all { connection.destroy() }
  }
}
