/// How a server took the faults of one kind.
struct FaultCount: Sendable, Equatable {
  /// Ended as they must.
  var right = 0
  /// Ended otherwise, by what came instead.
  var wrong: [String: Int] = [:]
  /// Not ended: the run was over, or the connection broke, before the server had said a word.
  var open = 0

  var wrongCount: Int { wrong.values.reduce(0, +) }

  mutating func merge(_ other: FaultCount) {
    right += other.right
    open += other.open
    wrong.merge(other.wrong, uniquingKeysWith: +)
  }
}

/// What came of one fault.
enum FaultVerdict: Sendable, Equatable {
  case right
  case wrong(String)
  case open
}
