// LISTEN, over a separate session that reconnects by itself. PostgreSQL does not keep notifications for a session that
// is gone. So the listener reports each time it is subscribed again, and owners of caches then read everything anew.

internal import Reactor

final class NotificationListener {
  enum Event: Hashable, Sendable {
    /// Listening, for the first time or again. Anything may have changed before this event.
    case subscribed
    case notified(payload: String)
    /// The session is lost. The listener reconnects.
    case interrupted(DatabaseError)
  }

  typealias EventHandler = @Sendable (Event) -> Void

  /// The known channels. LISTEN takes no parameter, so the statement is a literal.
  enum Channel: String, Sendable {
    /// The channel on which the triggers of the migrations announce '<table>:<key>'.
    case pganalytics

    fileprivate var listen: String {
      switch self {
      case .pganalytics: "LISTEN pganalytics"
      }
    }
  }

  private let channel: Channel
  private let loop: EventLoop
  private let connection: DatabaseConnection
  private let onEvent: EventHandler
  private var backoff = ReconnectBackoff()
  private var failure: DatabaseError?
  private var timer: TimerID?

  init(channel: Channel, loop: EventLoop, settings: DatabaseSettings, _ onEvent: @escaping EventHandler) {
    self.channel = channel
    self.loop = loop
    self.onEvent = onEvent
    connection = DatabaseConnection(loop: loop, settings: settings)
  }

  func connect() { connection.connect(self) }

  /// Ends the session. No further events follow.
  func close() {
    connection.close()
    timer.map(loop.cancel)
    timer = nil
  }

  private func retry(_ error: DatabaseError) {
    onEvent(.interrupted(error))
    timer = loop.schedule(self, at: loop.now.advanced(by: backoff.failed()))
  }
}

extension NotificationListener: DatabaseConnectionDelegate, DeadlineHandler {
  func connected() { connection.send(SessionDefaults.script(.init(statement: .zero)) + channel.listen) }

  func received(_ result: consuming DatabaseResult) {
    if case .failed(let error) = result { failure = error }
  }

  func finished() {
    if let error = failure {
      failure = nil
      connection.close()
      retry(error)
    } else {
      backoff.succeeded()
      onEvent(.subscribed)
    }
  }

  func drained() {}
  func notified(channel: String, payload: String) { onEvent(.notified(payload: payload)) }
  func disconnected(_ error: DatabaseError) { retry(error) }
  func deadlineReached(_ id: TimerID) {
    timer = nil
    connect()
  }
}
