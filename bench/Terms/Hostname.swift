/// The host name of a collector. A collector with the same number has the same host name in each run.
enum Hostname {
  /// The length of every host name. Prepared bodies have a place of this size for it.
  static let bytes = 12

  /// - Parameter index: the collector's number in the fleet, 0 and up.
  static func of(_ index: Int) -> String {
    let digits = String(index)
    return "bench-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}
