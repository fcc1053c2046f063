// Delivers notifications as long as the server runs. Three things happen side by side: events become messages
// (`OutboxIntake`), waiting messages are delivered, and firing alerts are sent again. Every server does all three, and
// the database decides which server gets which message.

import Ground
import HTTPClient
import Protocol
import Synchronization

final class Dispatcher: Sendable {
  /// The most messages that one server delivers at a time. A channel has at most one of them.
  static let deliveriesAtOnce = 16
  /// The largest number of alerts of one message.
  private static let alertsOfMessage: Int64 = 20_000
  /// How often old messages, notifications and events are deleted.
  private static let pruneInterval = Duration.seconds(3600)
  /// The longest stored failure, in characters.
  private static let failureLength = 2000

  private struct Work {
    /// The channels that this server is delivering to.
    var busy: Set<UUID> = []
    var tasks: [UUID: Task<Void, Never>] = [:]
  }

  private let database: Database
  private let delivery: ChannelDelivery
  private let intake: OutboxIntake
  private let settings: LiveSettings
  private let log: ServerLog
  let watch: NotificationWatch
  private let claiming = RecurringWork()
  private let work = Mutex(Work())

  init(
    database: Database, delivery: ChannelDelivery, settings: LiveSettings, log: ServerLog,
    watch: NotificationWatch = NotificationWatch()
  ) {
    self.database = database
    self.delivery = delivery
    self.settings = settings
    self.log = log
    self.watch = watch
    intake = OutboxIntake(database: database, settings: settings)
  }

  /// Works until the task is cancelled. Returns when the deliveries in progress have ended.
  func run() async {
    let interval = settings.live(\.notificationInterval)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.repeated(every: interval) { await self.takeIn() } }
      group.addTask { await self.claiming.run(every: interval) { await self.claim() } }
      group.addTask { await self.repeated(every: interval) { await self.refresh() } }
      group.addTask { await self.repeated(every: Live(constant: Self.pruneInterval)) { await self.prune() } }
    }
    for task in work.withLock({ Array($0.tasks.values) }) { await task.value }
  }

  private func repeated(every interval: Live<Duration>, _ step: @Sendable () async -> Void) async {
    while !Task.isCancelled {
      await step()
      do { try await interval.sleep() } catch { return }
    }
  }

  // MARK: Events to messages

  private func takeIn() async {
    do throws(DatabaseError) {
      let round = try await intake.round()
      if round.messages > 0 {
        log.debug("notifications composed", ["messages": round.messages])
        claiming.ask()
      }
      let expired =
        try await database.one(
          DeliveryStatements.expire, settings.now.notificationRetention / .seconds(1))?.value ?? 0
      if expired > 0 {
        watch.countGivenUp(Int(expired))
        log.warning("notifications given up: they were not delivered in time", ["messages": expired])
      }
      if let state = try await database.one(DeliveryStatements.state) { watch.set(state) }
    } catch {
      note(error, "notifications not composed")
    }
  }

  // MARK: Messages to targets

  /// Takes messages that are due and begins to deliver them.
  private func claim() async {
    let busy = work.withLock { Array($0.busy) }
    let room = Self.deliveriesAtOnce - busy.count
    if room <= 0 { return }
    do throws(DatabaseError) {
      let claimed = try await database.rows(DeliveryStatements.claim, busy, Int64(room), lease)
      for message in claimed { begin(message) }
    } catch {
      note(error, "notifications not taken")
    }
  }

  /// How long a message belongs to the server that took it, in seconds. The delivery ends well before.
  private var lease: Double { settings.now.notificationDeadline * 2 / .seconds(1) + 5 }

  private func begin(_ message: ClaimedMessage) {
    work.withLock { work in
      work.busy.insert(message.channel.id)
      work.tasks[message.id] = Task {
        await self.deliver(message)
        self.work.withLock { work in
          work.busy.remove(message.channel.id)
          work.tasks[message.id] = nil
        }
        self.claiming.ask()
      }
    }
  }

  private func deliver(_ claimed: ClaimedMessage) async {
    let kind = claimed.channel.kind
    do throws(DatabaseError) {
      guard let message = claimed.payload.value.flatMap({ NotificationMessage($0) }) else {
        let failed = try await database.one(DeliveryStatements.fail, claimed.id, "the stored message cannot be read")
        watch.countGivenUp(Int(failed?.value ?? 0))
        return log.error("notification not readable", ["message_id": "\(claimed.id)"])
      }
      var alerts: [NotifiedFinding] = []
      if kind == .alertmanager {
        alerts = try await database.rows(OutboxStatements.findings, claimed.id, Self.alertsOfMessage)
      }
      let outcome: Result<DeliveryReceipt, DeliveryFailure>
      do throws(DeliveryFailure) {
        outcome = .success(
          try await delivery.deliver(message, to: claimed.channel, recipients: claimed.recipients, alerts: alerts))
      } catch {
        outcome = .failure(error)
      }
      switch outcome {
      case .success(let receipt): try await store(receipt, of: claimed)
      case .failure(let failure): try await store(failure, of: claimed)
      }
    } catch {
      // The lease ends, and then a server tries again.
      note(error, "the outcome of a notification was not stored")
    }
  }

  private func store(_ receipt: DeliveryReceipt, of claimed: ClaimedMessage) async throws(DatabaseError) {
    if !receipt.deferredRecipients.isEmpty {
      watch.countFailedTry(claimed.channel.kind)
      let pause = pause(after: claimed, wait: nil, isRefused: false)
      try await database.execute(
        DeliveryStatements.narrow, claimed.id, receipt.deferredRecipients.map(\.description), pause / .seconds(1))
      return
    }
    try await database.execute(DeliveryStatements.delivered, claimed.id)
    watch.countDelivered(claimed.channel.kind)
    if !receipt.refusedRecipients.isEmpty {
      log.warning(
        "a mail server refused recipients",
        [
          "channel": claimed.channel.name, "message_id": "\(claimed.id)",
          "recipients": receipt.refusedRecipients.map(\.description).joined(separator: " "),
        ])
    }
  }

  private func store(_ failure: DeliveryFailure, of claimed: ClaimedMessage) async throws(DatabaseError) {
    watch.countFailedTry(claimed.channel.kind)
    let pause = pause(after: claimed, wait: failure.retryAfter, isRefused: failure.kind == .permanent)
    log.warning(
      "notification not delivered",
      [
        "channel": claimed.channel.name, "message_id": "\(claimed.id)", "attempts": claimed.attempts,
        "error": failure.sentence, "next_try_ms": pause.wholeMilliseconds,
      ])
    let answer = failure.answer.isEmpty ? "" : " It answered: \(failure.answer)"
    let text = String((failure.sentence + answer).filter { $0 != "\0" }.prefix(Self.failureLength))
    try await database.execute(DeliveryStatements.retry, claimed.id, pause / .seconds(1), text)
  }

  private func pause(after claimed: ClaimedMessage, wait: Duration?, isRefused: Bool) -> Duration {
    let settings = settings.now
    let backoff = DeliveryBackoff(first: settings.notificationRetry, longest: settings.notificationRetryMaximum)
    return backoff.pause(
      after: Int(claimed.attempts), wait: wait, isRefused: isRefused, fraction: .random(in: 0..<1))
  }

  // MARK: Alerts and old rows

  /// Sends firing alerts to the Alertmanagers that have not had them for a while.
  private func refresh() async {
    do throws(DatabaseError) {
      let interval = AlertmanagerBody.interval / .seconds(1)
      for channel in try await database.rows(DeliveryStatements.refresh, interval) { try await refresh(channel) }
    } catch {
      note(error, "alerts not sent again")
    }
  }

  private func refresh(_ channel: Channel) async throws(DatabaseError) {
    let most = Int64(AlertmanagerBody.alertsAtOnce)
    var last: Int64 = 0
    while !Task.isCancelled {
      let firing = try await database.rows(DeliveryStatements.firing, channel.id, last, most)
      guard let end = firing.last else { return }
      do throws(DeliveryFailure) {
        try await delivery.refresh(firing, at: channel)
      } catch {
        watch.countFailedTry(channel.kind)
        return log.warning("alerts not sent again", ["channel": channel.name, "error": error.sentence])
      }
      if firing.count < most { return }
      last = end.id
    }
  }

  private func prune() async {
    let seconds = settings.now.notificationHistory / .seconds(1)
    do throws(DatabaseError) {
      try await database.execute(DeliveryStatements.pruneMessages, seconds)
      try await database.execute(DeliveryStatements.pruneNotifications, seconds)
      try await database.execute(DeliveryStatements.pruneEvents, seconds)
    } catch {
      note(error, "old notifications not deleted")
    }
  }

  private func note(_ error: DatabaseError, _ event: StaticString) {
    if error.kind == .cancelled || error.kind == .shutDown { return }
    log.warning(event, ["error": "\(error)"])
  }
}
