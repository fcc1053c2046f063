/// The outcomes of the faults of one kind.
struct FaultCount: Sendable, Equatable {
  /// The number of faults with the right outcome.
  var right = 0
  /// The numbers of wrong outcomes, by outcome.
  var wrong: [String: Int] = [:]
  /// The number of faults without an outcome: the run ended or the connection broke before the server answered.
  var open = 0

  var wrongCount: Int { wrong.values.reduce(0, +) }

  mutating func merge(_ other: FaultCount) {
    right += other.right
    open += other.open
    wrong.merge(other.wrong, uniquingKeysWith: +)
  }
}

/// The outcome of one fault.
enum FaultVerdict: Sendable, Equatable {
  case right
  /// A wrong outcome, such as a status and a slug.
  case wrong(String)
  /// No outcome.
  case open
}
