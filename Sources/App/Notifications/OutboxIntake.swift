// Turns events of findings into messages in the outbox. Each step is one transaction under a lock, so one of several
// servers does it at a time, and a step that a crash interrupts has no effect.
//
//   finding_events ──consume──▶ notifications: pending ──compose──▶ composed, and a row of the outbox
//                                       └──silenced, acknowledged──▶ dropped

import Ground
import Protocol

struct OutboxIntake: Sendable {
  struct Round: Hashable, Sendable {
    var events = 0
    var messages = 0
    /// Another server was at it.
    var isElsewhere = false
  }

  /// The largest number of events that one transaction takes.
  static let eventsAtOnce: Int64 = 5000
  /// The number of findings that a message shows.
  static let findingsShown: Int64 = 20

  let database: Database
  let settings: LiveSettings

  /// Takes all events, and composes all messages that are due.
  func round() async throws(DatabaseError) -> Round {
    var round = Round()
    var taken = Self.eventsAtOnce
    while taken == Self.eventsAtOnce, !Task.isCancelled {
      let count = try await locked { session throws(DatabaseError) in
        try await session.one(OutboxStatements.consume, Self.eventsAtOnce)?.value ?? 0
      }
      guard let count else {
        round.isElsewhere = true
        return round
      }
      taken = count
      round.events += Int(count)
    }
    // A channel that fails does not hinder the others.
    var failure: DatabaseError?
    for channel in try await database.rows(OutboxStatements.channels) where !Task.isCancelled {
      do throws(DatabaseError) {
        let messages = try await locked { session throws(DatabaseError) in try await compose(channel, session) }
        round.messages += messages ?? 0
      } catch {
        if error.isConnectionLoss { throw error }
        failure = error
      }
    }
    if let failure { throw failure }
    return round
  }

  /// Runs one step in a transaction under the lock. - Returns: nil if another server has the lock.
  private func locked<Value: Sendable>(
    _ step: (DatabaseLease) async throws(DatabaseError) -> Value
  ) async throws(DatabaseError) -> Value? {
    try await database.transaction { session throws(DatabaseError) -> Value? in
      guard try await session.one(OutboxStatements.lock)?.value == true else { return nil }
      return try await step(session)
    }
  }

  /// Composes the messages of one channel. - Returns: their number.
  private func compose(_ channel: Channel, _ session: DatabaseLease) async throws(DatabaseError) -> Int {
    guard let now = try await session.one(OutboxStatements.now)?.value else {
      throw DatabaseError(.unexpectedResult, "no row")
    }
    let settings = settings.now
    let composer = MessageComposer(channel, groupTime: settings.notificationGroupTime)
    let latest = Timestamp(unixMicroseconds: now.unixMicroseconds - composer.groupTime.wholeNanoseconds / 1000)
    try await session.execute(OutboxStatements.drop, channel.id, latest)
    let waiting = try await session.rows(OutboxStatements.groups, channel.id).map(\.group)
    let recent = try await session.one(OutboxStatements.recent, channel.id)?.value ?? 0
    let messages = composer.messages(waiting, recent: Int(recent), now: now)
    for groups in messages {
      let id = UUID.random()
      var reported: [NotificationMessage.Group] = []
      for group in groups {
        let count = try await session.execute(
          OutboxStatements.assign, channel.id, group.check, group.event.rawValue, id)
        reported.append(NotificationMessage.Group(check: group.check, event: group.event, count: count))
      }
      let findings = try await session.rows(OutboxStatements.findings, id, Self.findingsShown)
      let message = NotificationMessage(
        id: id, createdAt: now, groups: reported, findings: findings, url: settings.findingsURL(of: reported))
      try await session.execute(
        OutboxStatements.add, id, channel.id, message.groupKey, JSONText(String(decoding: message.json, as: UTF8.self)))
    }
    return messages.count
  }
}

extension MessageComposer {
  /// The rules of a channel. Alertmanager makes groups itself, so its channels do not wait for a group to be complete.
  init(_ channel: Channel, groupTime: Duration) {
    let isBatched = channel.kind == .alertmanager
    self.init(
      groupTime: isBatched ? .zero : groupTime, messagesPerMinute: Int(channel.messagesPerMinute), isBatched: isBatched)
  }
}

extension NotificationMessage {
  /// The name of the group in the list of deliveries.
  var groupKey: String {
    guard let first = groups.first else { return "test" }
    return groups.count == 1 ? "\(first.check) \(first.event.rawValue)" : "several"
  }
}

extension Settings {
  /// `public_url` without a slash at its end; empty if it is not set.
  var publicAddress: String {
    var url = publicURL
    while url.hasSuffix("/") { url.removeLast() }
    return url
  }

  /// The list of the findings that a message is about; empty if `public_url` is not set.
  func findingsURL(of groups: [NotificationMessage.Group]) -> String {
    if publicURL.isEmpty { return "" }
    // Names of checks are letters, digits and underscores.
    return "\(publicAddress)/api/v1/findings" + (groups.count == 1 ? "?check=\(groups[0].check)" : "")
  }
}
