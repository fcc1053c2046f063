// Durations as whole numbers, for the system calls, counters and settings that take those.

extension Duration {
  /// Rounded towards zero. Saturates at some 292 years either way.
  @inlinable
  package var wholeNanoseconds: Int64 {
    // Below nine seconds one division of a machine word will do; those of 128 bits, and `components`, are calls.
    if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }

  /// Rounded towards zero. Saturates at some 292 years either way.
  package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }

  /// Rounded towards zero.
  package var wholeSeconds: Int64 { components.seconds }
}
