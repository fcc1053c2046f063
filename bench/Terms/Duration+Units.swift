extension Duration {
  /// Rounded down; negative durations give 0.
  var wholeMicroseconds: UInt64 {
    let (seconds, attoseconds) = components
    if seconds < 0 || attoseconds < 0 { return 0 }
    return UInt64(seconds) * 1_000_000 + UInt64(attoseconds / 1_000_000_000_000)
  }

  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) / 1e18
  }

  var inMilliseconds: Double { inSeconds * 1000 }

  /// - Parameter factor: finite, and small enough that the product stays below 292 years.
  func scaled(by factor: Double) -> Duration { .nanoseconds(Int64(inSeconds * factor * 1e9)) }
}
