import Ground

/// The pause between two tries to deliver a message.
struct DeliveryBackoff: Sendable {
  /// The pause after the first failed try. Each further pause is twice as long.
  var first: Duration
  /// The longest pause.
  var longest: Duration

  /// - Parameters:
  ///   - attempts: the number of tries so far, at least 1.
  ///   - wait: the pause that the target asks for; nil for none.
  ///   - isRefused: whether the target refuses the message itself. A repetition then helps only after somebody has
  ///     changed the target or the channel, so the pause is the longest one.
  ///   - fraction: a random number from 0 up to but not including 1. It shortens the pause by up to a quarter, so that
  ///     messages that failed together are not tried again together.
  func pause(after attempts: Int, wait: Duration?, isRefused: Bool, fraction: Double) -> Duration {
    var pause = first
    var doublings = attempts - 1
    while doublings > 0, pause < longest {
      pause *= 2
      doublings -= 1
    }
    if isRefused { pause = longest }
    pause = min(pause, longest)
    let shortened = Duration.nanoseconds(Int64(Double(pause.wholeNanoseconds) * (1 - fraction / 4)))
    return max(shortened, min(wait ?? .zero, longest))
  }
}
