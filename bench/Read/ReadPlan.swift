// The plan of the reads beside the pushes, and their figures.

internal import Protocol
internal import Reactor

/// All parameters of the reads.
struct ReadPlan: Sendable {
  struct Login: Sendable {
    let username: String
    let password: String
  }

  let readers: Int
  /// The request paths. Not empty.
  let paths: [String]
  /// The name and password to log in with; nil for reads without a token.
  let login: Login?
}

/// The figures of the reads in the measured part.
struct ReadFigures: Sendable, Equatable {
  var answered = 0
  var bytes = 0
  /// Answers other than 2xx and connections that broke, by `code slug`.
  var errors: [String: Int] = [:]
  /// Time from the request to the end of its answer.
  var latency = DurationHistogram()
  /// Requests that were unanswered at the end.
  var open = 0
  /// The reason why the readers could not begin; nil if they did.
  var trouble: String?

  var failed: Int { errors.values.reduce(0, +) }
}
