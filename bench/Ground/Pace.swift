/// How pushes arrive.
enum Pace: Sendable, Equatable {
  /// Open loop: each collector every so often, the fleet spread evenly.
  case interval(Duration)
  /// Open loop: each collector at random with this mean pause, independent of the others: a Poisson process.
  case poisson(mean: Duration)
  /// Closed loop: each collector so long after its previous push was answered.
  case closedLoop(think: Duration = .zero)

  var isOpen: Bool {
    switch self {
    case .interval, .poisson: true
    case .closedLoop: false
    }
  }
}
