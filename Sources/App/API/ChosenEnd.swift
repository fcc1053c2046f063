// The end of something that a person makes with an end: a registration secret, an API token.

import Ground
import Protocol

/// The members `expires_in` and `expires_at` of a body, of which at most one is given.
struct ChosenEnd: Sendable {
  private let life: Duration?
  private let time: Timestamp?

  /// - Parameters:
  ///   - lives: the permitted lives.
  ///   - usual: what happens without both members, for the documentation.
  init(from object: inout ObjectReader, lives: ClosedRange<Duration>, usual: String) {
    let life = object.optional("expires_in", .duration(lives), "Life from now; default: \(usual).")
    let time = object.optional("expires_at", .instant, "The end itself, instead of `expires_in`.")
    object.require(life == nil || time == nil, "expires_at", "excludes expires_in")
    self.life = life
    self.time = time
  }

  /// The end. - Parameter usual: the life if none was chosen; nil: no end.
  /// - Throws: `.validationFailed` for an end in the past.
  func time(now: Timestamp, usual: Duration? = nil) throws(Problem) -> Timestamp? {
    if let time {
      if time <= now { throw Problem(.validationFailed, "expires_at must lie in the future") }
      return time
    }
    return (life ?? usual).map { now.advanced(by: $0) }
  }
}

extension Timestamp {
  /// The time after a duration, in whole seconds.
  func advanced(by duration: Duration) -> Timestamp {
    Timestamp(unixMicroseconds: unixMicroseconds + duration.wholeSeconds * 1_000_000)
  }
}
