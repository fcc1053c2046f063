import ArgumentParser

/// A length of time with its unit: `500ms`, `1.5s`, `10m`, `1h`.
struct TimeSpan: ExpressibleByArgument, Equatable {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard digits.first != ".", digits.last != ".", let count = Double(digits), count <= 1_000_000_000 else {
      return nil
    }
    let seconds: Double
    switch argument.dropFirst(digits.count) {
    case "ms": seconds = 0.001
    case "s": seconds = 1
    case "m", "min": seconds = 60
    case "h": seconds = 3600
    default: return nil
    }
    // It is rounded to whole microseconds, so that a text with three decimals of a millisecond is exact.
    duration = .microseconds(Int64((count * seconds * 1e6).rounded()))
  }

  var defaultValueDescription: String { "\(duration.components.seconds)s" }
}
