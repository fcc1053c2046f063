// Why a run ends before its time, in words for people.

/// The command line asks for something that cannot be.
struct UsageError: Error, Equatable, CustomStringConvertible {
  let description: String
}

/// The run could not begin, or could not be brought to its end.
struct RunFailure: Error, CustomStringConvertible {
  let description: String
}
