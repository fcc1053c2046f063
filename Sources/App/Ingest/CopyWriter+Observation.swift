// What a writer is at, for those who watch it.

extension CopyWriter {
  /// What a writer waits for.
  enum Activity: String, CaseIterable, Sendable {
    /// No session: the database is away, or the session is being set up.
    case disconnected
    /// Nothing to store.
    case idle
    /// More pushes, by choice (`batch_linger`).
    case lingering
    /// The ledger's answer, which says which pushes are new: the database's locks.
    case ledger
    /// Rows to go out and to be read.
    case copying
    /// The commit's answer.
    case committing
    /// Partitions that are being made.
    case partitions
    /// A pause after a failure that time may cure.
    case resting
  }

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

  /// What the writer waits for now.
  var activity: Activity {
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
