// What a lane asks of the model beside its writers.

import Protocol
import Reactor

@testable import App

/// Safety: a simulation has one thread. The protocol requires Sendable for the server.
final class ModelErrands: LaneErrands, @unchecked Sendable {
  private unowned let simulation: Simulation

  init(_ simulation: Simulation) { self.simulation = simulation }

  func ensurePartitions(of days: [Day], _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    later(done) { [simulation] in simulation.database.addDays(days.map(\.word)) }
  }

  func park(_ letter: DeadLetter, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    let told = letter.ledgerEntry
    let entry = ModelTransaction.Entry(
      id: told.pushID, serverID: told.serverID, day: told.day?.word, isDated: told.isDated, head: told.head,
      metrics: told.metrics, chain: told.chain ?? [], key: told.key)
    if !simulation.isPoisoned(entry.id) { simulation.violated("\(entry.id) was parked, and nothing is wrong with it") }
    later(done) { [simulation] in simulation.database.park(entry) }
  }

  /// Does the work after a while. Sometimes the work is lost, and sometimes only its confirmation.
  private func later(_ done: @escaping @Sendable (DatabaseError?) -> Void, _ work: @escaping () -> Void) {
    simulation.kernel.after(simulation.pause) { [simulation] in
      let isLost = simulation.database.isDown || simulation.chance(0.1)
      if !isLost || simulation.chance(0.3) { work() }
      done(isLost ? DatabaseError(.connectionLost, "terminated by an administrator") : nil)
    }
  }

  func refresh(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) { done(nil) }
  func touch(_ collectors: [UUID]) {}
  func record(_ rejects: RejectNotes) {}
  func confirmUse(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) { done(nil) }

  func endPredecessors(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    later(done) { [simulation] in simulation.endPredecessors(of: collector) }
  }
  func principal(of call: EndpointCall) async throws(Problem) -> Principal { throw Problem(.internalError) }
}
