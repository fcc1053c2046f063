// Failures of the database, as facts. Sentences for people are written where the HTTP answer is made.

/// A statement, a connection or a wait that failed. It never contains a password. It contains a parameter's value only
/// if the server put it into `detail`.
struct DatabaseError: Error, Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// The server refused a statement; the connection is usable.
    case statement
    /// The connection could not be made. No statement was sent.
    case connectFailed
    /// The connection broke. A statement in flight may have taken effect or not.
    case connectionLost
    /// The server neither answered in time nor cancelled the statement: it is stopped, or a commit waits for a standby.
    /// The statement may have taken effect, or may still take effect.
    case unanswered
    /// More requests wait than the limit allows. Nothing was sent.
    case overloaded(limit: Int)
    /// No connection became free in time. Nothing was sent.
    case waitedTooLong
    /// The task was cancelled while its request waited. Nothing was sent.
    case cancelled
    /// The client was shut down before the request was sent.
    case shutDown
    /// The result has other columns, or other values, than the statement declares.
    case unexpectedResult
  }

  let kind: Kind
  /// Five characters (manual, appendix A). Nil if the server sent none, as when the connection broke without a message.
  var sqlstate: String?
  var message: String
  var detail: String?
  /// For COPY it contains `COPY <table>, line <n>[, column <name>]`, among other lines.
  var context: String?
  /// The constraint that was violated.
  var constraint: String?
  /// The table that the error is about, without its schema; nil if the server names none.
  var table: String?
  /// The request changes data, and the change may have been made despite this error.
  var mayHaveHappened = false

  init(
    _ kind: Kind, _ message: String, sqlstate: String? = nil, detail: String? = nil, context: String? = nil,
    constraint: String? = nil, table: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.sqlstate = sqlstate
    self.detail = detail
    self.context = context
    self.constraint = constraint
    self.table = table
  }

  /// Whether the connection broke or could not be made. The work that was in flight needs a new connection.
  var isConnectionLoss: Bool {
    switch kind {
    case .connectFailed, .connectionLost, .unanswered: true
    case .statement, .overloaded, .waitedTooLong, .cancelled, .shutDown, .unexpectedResult: false
    }
  }

  /// The same error for a session whose setup failed.
  var asConnectFailure: DatabaseError {
    DatabaseError(.connectFailed, message, sqlstate: sqlstate, detail: detail, context: context)
  }

  /// Whether the same request may succeed later. After `.connectionLost` it may also have succeeded already, so only
  /// idempotent requests may be sent again.
  var isRetryable: Bool {
    switch kind {
    case .connectFailed, .connectionLost, .unanswered, .overloaded, .waitedTooLong: true
    case .cancelled, .shutDown, .unexpectedResult: false
    case .statement: sqlstate.map(Self.isTransient) ?? false
    }
  }

  /// Connection exceptions (08), rollbacks such as deadlocks (40), insufficient resources (53), an operator's
  /// interventions except a cancelled query (57P0x), a lock that was not granted in time (55P03), and a session that
  /// became read only (25006), which a new session replaces.
  private static func isTransient(_ sqlstate: String) -> Bool {
    sqlstate == SQLState.lockNotAvailable || sqlstate == SQLState.readOnlyTransaction || sqlstate.hasPrefix("57P0")
      || ["08", "40", "53"].contains { sqlstate.hasPrefix($0) }
  }
}

extension DatabaseError: CustomStringConvertible {
  /// One line for a log.
  var description: String {
    var text = sqlstate.map { "\($0) \(message)" } ?? message
    if let detail { text += " (\(detail))" }
    if let context { text += " [\(context)]" }
    return text
  }
}

/// The SQLSTATEs that the code compares with (manual, appendix A).
enum SQLState {
  static let uniqueViolation = "23505"
  static let foreignKeyViolation = "23503"
  static let failedTransaction = "25P02"
  static let readOnlyTransaction = "25006"
  static let protocolViolation = "08P01"
  static let insufficientPrivilege = "42501"
  static let duplicateTable = "42P07"
  static let undefinedTable = "42P01"
  static let invalidTableDefinition = "42P16"
  static let lockNotAvailable = "55P03"
  static let queryCanceled = "57014"
}

/// An error type that can wrap a failed database request, so that the body of a transaction may throw its own errors.
protocol DatabaseFailure: Error {
  init(_ error: DatabaseError)
}

extension DatabaseError: DatabaseFailure {
  init(_ error: DatabaseError) { self = error }
}
