// How the program ends. Scripts compare the status, so a status never changes its meaning.

/// The exit status of the program.
enum ExitStatus: Int32, CaseIterable, Sendable {
  case success = 0
  case failure = 1
  case usage = 2
  case refused = 3
  case notFound = 4
  case unreachable = 5

  /// The meaning, for documents.
  var meaning: String {
    switch self {
    case .success: "The command did what it was asked for."
    case .failure: "The command failed, or the server answered that it failed (status 5xx)."
    case .usage: "The command line is wrong: an unknown command or option, a missing or unusable value."
    case .refused:
      "The server refused the request: who asks may not, or a value or condition does not hold (status 4xx)."
    case .notFound: "The server knows no object with this name (status 404)."
    case .unreachable: "No server answered: wrong address, no network, or a certificate that is not trusted."
    }
  }
}

/// Why a client command ends without success, as a sentence.
struct ClientFailure: Error, Equatable, CustomStringConvertible {
  let status: ExitStatus
  let description: String

  init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}
