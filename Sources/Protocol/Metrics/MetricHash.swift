// Hashes the metrics of a push while the window moves over them. `PushBoundaries` says which bytes are hashed.

/// The running digest of one push. The decoder owns it and uses it again for each push.
struct MetricHash: ~Copyable {
  /// The digest of all metrics that have ended.
  private(set) var last = UUID(high: 0, low: 0)
  /// The digest of the open metric and of all before it.
  private var digest = Digest()
  /// The index in the window of the open metric's first byte that is not hashed yet; nil between metrics.
  private var start: Int?

  mutating func begin(serverID: Int32) {
    start = nil
    last = PushBoundaries.beginning(serverID: serverID)
  }

  /// - Parameter position: the index in the window of the metric's first byte.
  mutating func metricBegins(at position: Int) {
    start = position
    digest.restart()
    digest.update(last)
  }

  /// - Parameter end: the index in the window after the metric's last byte.
  /// - Returns: the digest of all metrics so far.
  mutating func metricEnds(in window: Span<UInt8>, at end: Int) -> UUID {
    guard let start else { preconditionFailure("a metric ended that had not begun") }
    digest.update(window.extracting(start..<end))
    self.start = nil
    last = digest.takeUUID()
    return last
  }

  /// The window moves on. - Parameter end: the index of the first byte that is in the next window, too.
  mutating func windowEnds(_ window: Span<UInt8>, at end: Int) {
    guard let start else { return }
    digest.update(window.extracting(start..<end))
    self.start = 0
  }
}
