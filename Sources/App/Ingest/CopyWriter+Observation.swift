// What a writer is at, for who watches it.

extension CopyWriter {
  /// Encoded bytes waiting or in flight.
  var backlogBytes: Int {
    switch state {
    case .copying(let batch): queue.queuedBytes + batch.pushes.reduce(0) { $0 + $1.encodedBytes }
    case .disconnected, .connecting, .preparing, .idle, .adjusting, .settling, .lingering, .resting, .closed:
      queue.queuedBytes
    }
  }

  /// Pushes waiting or in flight.
  var backlogPushes: Int {
    if case .copying(let batch) = state { queue.count + batch.pushes.count + batch.repeats.count } else { queue.count }
  }

  /// What it is at, for who watches it.
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
    // Without a timer it waits for who makes partitions.
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
