internal import Reactor

/// Samples taken at a steady pace, in memory that does not grow with time: when there are too many, every second one is
/// dropped, and from then on only every second one is kept.
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
