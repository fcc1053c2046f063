// The account must be exact after every scenario: each received push has one outcome, and the ledger has as many rows
// as there are stored pushes, whatever happens meanwhile.

import Synchronization
import Testing

@testable import App

/// The account of all servers that a test runs on one database.
final class PushAccount: Sendable {
  private struct State {
    var running = 0
    /// Pushes of ended servers that the ledger must have.
    var inLedger = 0
    /// Duplicate or refused pushes that the ledger may have, because the answer to their commit was lost.
    var unknown = 0
  }

  private let state = Mutex(State())

  func began() { state.withLock { $0.running += 1 } }

  /// A server in another process stored so many pushes in the same database.
  func stored(elsewhere pushes: Int) { state.withLock { $0.inLedger += pushes } }

  /// - Parameter last: the server's counters at its end.
  func ended(_ last: LaneSnapshot?, _ database: Database, _ sourceLocation: SourceLocation) async {
    guard let last else {
      Issue.record("a server ended without its counters", sourceLocation: sourceLocation)
      return
    }
    let counters = last.counters
    // Connections that the drain deadline cut off may have pushes in work.
    let isDrained = last.connections.values.reduce(0, +) == 0
    #expect(
      isDrained ? counters.pushesReceived == counters.pushesEnded : counters.pushesReceived >= counters.pushesEnded,
      "received \(counters.pushesReceived), ended \(counters.pushesEnded)", sourceLocation: sourceLocation)
    let (isLast, least, most) = state.withLock { state in
      state.running -= 1
      state.inLedger += counters.pushesStored - counters.pushesEmpty + counters.pushesParked
      state.unknown += counters.pushesUnknown
      return (state.running == 0 && isDrained, state.inLedger, state.inLedger + state.unknown)
    }
    if !isLast { return }
    do {
      let statement = Statement<SingleValue<Int64>>(
        "push_account", "SELECT count(*) FROM pganalytics.pushes")
      let rows = Int(try await database.one(statement)?.value ?? -1)
      #expect(
        (least...most).contains(rows), "\(rows) in the ledger, \(least)...\(most) stored",
        sourceLocation: sourceLocation)
    } catch {
      Issue.record("the ledger cannot be asked: \(error)", sourceLocation: sourceLocation)
    }
  }
}
