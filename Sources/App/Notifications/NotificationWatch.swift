import Synchronization

/// What /metrics shows of notifications.
struct NotificationSnapshot: Hashable, Sendable {
  /// Messages that this server has delivered, by the kind of channel.
  var delivered: [ChannelKind: Int] = [:]
  /// Tries of this server that failed, by the kind of channel.
  var failedTries: [ChannelKind: Int] = [:]
  /// Messages that this server has given up.
  var givenUp = 0
  /// The outbox when it was last looked at, the same from every server.
  var outbox = OutboxState()
}

/// Counts deliveries, and holds the state of the outbox. Any thread may call it.
final class NotificationWatch: Sendable {
  private let state = Mutex(NotificationSnapshot())

  var snapshot: NotificationSnapshot { state.withLock { $0 } }

  func countDelivered(_ kind: ChannelKind) { state.withLock { $0.delivered[kind, default: 0] += 1 } }
  func countFailedTry(_ kind: ChannelKind) { state.withLock { $0.failedTries[kind, default: 0] += 1 } }
  func countGivenUp(_ messages: Int) { state.withLock { $0.givenUp += messages } }
  func set(_ outbox: OutboxState) { state.withLock { $0.outbox = outbox } }
}
