// What the status pages and metrics show of a writer.

extension CopyWriter {
  /// The state of a writer, by what it waits for.
  enum Activity: String, CaseIterable, Sendable {
    /// No session: the database is away, or the session is being set up.
    case disconnected
    /// There is nothing to store.
    case idle
    /// It waits for more pushes because of `batch_linger`.
    case lingering
    /// It waits for the ledger's answer, which says which pushes are new. This time includes waits for locks of the
    /// database.
    case ledger
    /// Rows are being sent.
    case copying
    /// It waits for the answer to the commit.
    case committing
    /// It waits for partitions.
    case partitions
    /// It pauses after a failure that may pass.
    case resting
  }

  /// Encoded bytes of pushes that wait or are in flight.
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

  /// The writer's present state.
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
