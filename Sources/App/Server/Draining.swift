// How a lane stops: nothing new comes in, what is in work is finished, and idle connections are closed a share at a time:
// ten thousand collectors that are all let go at once would all be back at once, at the next server or the next start. What is
// left when the time is up is cut off.

import Reactor

/// Closes a loop's connections within a window. Lives from the begin of the drain to the end of the lane.
final class Draining: DeadlineHandler {
  private static let step = Duration.milliseconds(100)
  /// For the last answers to leave.
  private static let lastWords = Duration.milliseconds(300)

  private let connections: ConnectionTable
  private let loop: EventLoop
  private let steps: Int
  private var stepsLeft: Int
  /// Connections at the begin.
  private let total: Int
  /// When the last connections are closed, once the time is up.
  private var endsAt: MonotonicTime?

  /// - Parameter window: within which the idle ones are closed.
  init(_ connections: ConnectionTable, loop: EventLoop, window: Duration) {
    self.connections = connections
    self.loop = loop
    total = connections.count
    steps = max(1, Int(window.wholeMilliseconds / Self.step.wholeMilliseconds))
    stepsLeft = steps
  }

  /// Closes the next share. Called once; goes on by itself.
  func proceed() {
    stepsLeft -= 1
    let idle = connections.all.filter(\.isIdle)
    // As many may stay as the window has left of it.
    let excess = idle.count - total * stepsLeft / steps
    for connection in idle.prefix(max(0, excess)) { connection.drain() }
    if stepsLeft > 0 {
      _ = loop.schedule(self, at: loop.now + Self.step)
    } else {
      // Who has not finished the handshake by now is not worth waiting for.
      for connection in connections.all { connection.drain() }
    }
  }

  /// Answers who waits for one, and closes all connections: those that have nothing to be told at once.
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
