// The reasons why a run ends early, in words for people.

/// The command line cannot be carried out.
struct UsageError: Error, Equatable, CustomStringConvertible {
  let description: String
}

/// The run could not begin or could not be completed.
struct RunFailure: Error, CustomStringConvertible {
  let description: String
}
