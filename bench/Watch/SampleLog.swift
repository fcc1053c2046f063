internal import Reactor

/// Keeps samples in memory that does not grow with time. When there are too many, it drops every second one, and from
/// then on keeps only every second new one.
struct SampleLog<Value: Sendable>: Sendable {
  struct Sample: Sendable {
    let at: MonotonicTime
    let value: Value
  }

  private let maximum: Int
  private(set) var samples: [Sample] = []
  private var stride = 1
  private var offered = 0

  init(maximum: Int = 480) { self.maximum = maximum }

  /// Adds a sample, or drops it.
  mutating func offer(_ value: Value, at time: MonotonicTime) {
    defer { offered += 1 }
    if offered % stride != 0 { return }
    if samples.count == maximum {
      samples = samples.indices.filter { $0 % 2 == 0 }.map { samples[$0] }
      stride *= 2
      if offered % stride != 0 { return }
    }
    samples.append(Sample(at: time, value: value))
  }
}
