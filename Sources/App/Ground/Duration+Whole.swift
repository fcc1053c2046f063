// Durations as whole numbers, for the system calls, counters and settings that take those.

extension Duration {
  /// Rounded towards zero. Saturates at some 292 years either way.
  @inlinable
  package var wholeNanoseconds: Int64 {
    // Below nine seconds, one division of a machine word is enough. A division of 128 bits, and `components`, are
    // function calls.
    if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }

  /// Rounded towards zero. Saturates at some 292 years either way.
  package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }

  /// Rounded towards zero.
  package var wholeSeconds: Int64 { components.seconds }

  /// The units of times in settings and messages, with their nanoseconds, from the largest on.
  package static var units: [(name: String, nanoseconds: Int64)] {
    [
      ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000),
      ("ms", 1_000_000),
    ]
  }

  /// `90s`, `10min`: in the largest unit that gives a whole number. A part of a millisecond is dropped.
  package var shortText: String {
    let nanoseconds = wholeNanoseconds
    if nanoseconds == 0 { return "0s" }
    for (unit, factor) in Self.units where nanoseconds % factor == 0 { return "\(nanoseconds / factor)\(unit)" }
    return "\(nanoseconds / 1_000_000)ms"
  }
}
