// What the status pages and metrics show of a writer.

extension CopyWriter {
  /// Encoded bytes that wait or are in flight.
  var backlogBytes: Int {
    switch state {
    case .copying(let batch): queue.queuedBytes + batch.pushes.reduce(0) { $0 + $1.encodedBytes }
    case .disconnected, .connecting, .preparing, .idle, .adjusting, .settling, .lingering, .resting, .closed:
      queue.queuedBytes
    }
  }

  /// Pushes that wait or are in flight.
  var backlogPushes: Int {
    if case .copying(let batch) = state { queue.count + batch.pushes.count + batch.repeats.count } else { queue.count }
  }

  /// The writer's state as the lane's snapshot shows it.
  var observed: LaneSnapshot.WriterState {
    switch state {
    case .disconnected, .connecting, .preparing, .closed: .disconnected
    case .idle, .adjusting: .idle
    case .copying:
      switch progress {
      case .ledger: .ledger
      case .copying(left: 0): .committing
      case .copying: .copying
      }
    case .settling: .committing
    case .lingering: .lingering
    // A resting writer without a timer waits until its partitions are made.
    case .resting: timer == nil ? .partitions : .resting
    }
  }

  var isConnected: Bool {
    switch state {
    case .idle, .adjusting, .copying, .settling, .lingering, .resting: true
    case .disconnected, .connecting, .preparing, .closed: false
    }
  }
}
