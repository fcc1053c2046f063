/// The arrival of pushes.
enum Pace: Sendable, Equatable {
  /// Open loop: each collector pushes once per interval, and the fleet is spread evenly over it.
  case interval(Duration)
  /// Open loop: each collector pushes at random with this mean pause, independently of the others (a Poisson process).
  case poisson(mean: Duration)
  /// Closed loop: each collector pushes this long after the answer to its previous push.
  case closedLoop(think: Duration = .zero)

  var isOpen: Bool {
    switch self {
    case .interval, .poisson: true
    case .closedLoop: false
    }
  }
}
