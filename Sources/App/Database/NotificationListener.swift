// LISTEN, over a session of its own that comes back by itself. Notifications sent while it was away are lost, as
// PostgreSQL keeps them for nobody: so each time it is back it says so, and the owners read anew what they cache.

internal import Reactor

final class NotificationListener {
  enum Event: Hashable, Sendable {
    /// Listening, for the first time or again: anything may have changed before this moment.
    case subscribed
    case notified(payload: String)
    /// The session is gone; it will be tried again.
    case interrupted(DatabaseError)
  }

  typealias EventHandler = @Sendable (Event) -> Void

  /// The channels there are: LISTEN takes no parameter, so the statement is a literal.
  enum Channel: String, Sendable {
    /// Where the triggers of the migrations announce '<table>:<key>'.
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

  /// Hears no more, and tries no more.
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
