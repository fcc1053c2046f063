// Reads beside pushes: what is to be read, and what came of it.

internal import Protocol
internal import Reactor

struct ReadPlan: Sendable {
  struct Login: Sendable {
    let username: String
    let password: String
  }

  let readers: Int
  /// Not empty.
  let paths: [String]
  /// nil: nothing is shown.
  let login: Login?
}

/// Of the measured part.
struct ReadFigures: Sendable, Equatable {
  var answered = 0
  var bytes = 0
  /// Answers other than 2xx and connections that broke, by `code slug`.
  var errors: [String: Int] = [:]
  /// From the request to the end of its answer, of those answered.
  var latency = DurationHistogram()
  /// Requests that were unanswered in the end.
  var open = 0
  /// Why readers never began, if they did not.
  var trouble: String?

  var failed: Int { errors.values.reduce(0, +) }
}
