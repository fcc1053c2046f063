// A writer's session at the model. The model answers each message later, or not at all.

internal import CEpoll.Postgres
import Ground
import Protocol
import Reactor

@testable import App

final class ModelSession: CopySession, EventHandler, SimulatedDescriptor {
  private enum Answer {
    case connected
    case rows([[String?]])
    case command
    case copyIn
    case failed(DatabaseError)
    case finished
    case drained
    case lost(DatabaseError)
  }

  private enum State: Equatable {
    case closed, connecting, open
    /// The loss of the session is on its way to the writer.
    case losing
  }

  private unowned let simulation: Simulation
  private unowned let database: ModelDatabase
  private var state = State.closed
  private var delegate: (any DatabaseConnectionDelegate)?
  private var token: Token?
  private var descriptor: CInt = 0
  /// Counts sessions, so that work for an older session finds another number.
  private var generation = 0
  /// Answers in order, each with the time of its arrival.
  private var answers: [(due: UInt64, answer: Answer)] = []
  private var transaction: ModelTransaction?
  private var position = 0
  private var copying: Int?
  private var owesDrained = false
  /// The writer has asked for the commit, which has neither happened nor failed.
  private var isCommitting = false

  init(_ simulation: Simulation) {
    self.simulation = simulation
    database = simulation.database
    descriptor = simulation.kernel.attach(self)
  }

  // MARK: CopySession

  func connect(_ delegate: any DatabaseConnectionDelegate) {
    precondition(state == .closed, "connected twice")
    self.delegate = delegate
    state = .connecting
    generation += 1
    do throws(SystemCallError) {
      token = try simulation.loop.register(descriptor, .read, self)
    } catch { preconditionFailure("\(error)") }
    if database.isDown || simulation.chance(0.05) {
      lose("connection refused", .connectFailed)
    } else {
      put(.connected, after: simulation.pause)
    }
  }

  func send(_ sql: String) {
    if state == .losing { return }
    precondition(state == .open && transaction == nil, "a message while another is in work")
    if sql.hasPrefix("SET ") {
      if simulation.chance(0.03) {
        put(.failed(DatabaseError(.statement, "permission denied", sqlstate: "42501")))
      } else {
        for _ in 0..<9 { put(.command) }
      }
      return put(.finished)
    }
    guard let read = ModelTransaction(sql, PushStock.shared.catalog) else {
      return simulation.violated("a message that the model cannot read: \(sql.prefix(200))")
    }
    transaction = read
    position = 0
    simulation.note("batch", [read.quick.count, read.careful.count, read.statements.count])
    advance()
  }

  func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance {
    if state == .losing { return .accepted }
    guard let copying, let transaction else { preconditionFailure("COPY data out of turn") }
    precondition(bytes.count <= DatabaseConnection.maximumCopyChunkBytes)
    if owesDrained { return .full }
    if simulation.chance(0.05) {
      owesDrained = true
      put(.drained, after: simulation.pause)
      return .full
    }
    bytes.withUnsafeBufferPointer { transaction.data[copying, default: []] += $0 }
    return .accepted
  }

  func endCopy() {
    if state == .losing { return }
    guard let target = copying, let transaction else { preconditionFailure("the end of no COPY") }
    copying = nil
    if let day = database.missingDay(transaction.data[target] ?? [], target: target) {
      return refuse(.missingPartition(day))
    }
    if !simulation.isRefusedAtCommit {
      if database.broken.contains(target) { return refuse(.broken) }
      for (entry, _) in transaction.new where simulation.isPoisoned(entry.id) {
        guard let push = PushStock.shared.push(entry.id), push.firstFact == target else { continue }
        return refuse(.poisoned(simulation.isPoisonTraced ? database.context(of: push, target, transaction) : nil))
      }
    }
    put(.command, after: simulation.pause)
    advance()
  }

  func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }

  func close() {
    if state == .closed { return }
    release()
    delegate = nil
  }

  // MARK: What the server does

  private func advance() {
    guard let transaction, state == .open else { return }
    if simulation.chance(0.01) { return lose("terminated by an administrator") }
    if position == transaction.statements.count { return commit(transaction) }
    if position < 2, simulation.chance(0.03) { return refuse(.transient(simulation.draw(4))) }
    if position == 0, database.refusesAll { return refuse(.all) }
    let statement = transaction.statements[position]
    position += 1
    switch statement {
    case .locks:
      let held = database.lock(transaction).map(String.init).joined(separator: ",")
      put(.rows([["{\(held)}"]]), after: simulation.pause)
      advance()
    case .quick(let day):
      let ids = database.enterQuickly(transaction, day: day)
      if let day = missingDay(transaction) { return refuse(.missingPartition(day)) }
      put(.rows(ids.map { [$0.description] }), after: simulation.pause)
      advance()
    case .careful(let day):
      let verdicts = database.enterCarefully(transaction, day: day)
      if let day = missingDay(transaction) { return refuse(.missingPartition(day)) }
      put(.rows(verdicts.map(Self.row)), after: simulation.pause)
      advance()
    case .logEnds:
      let ends = database.logEnds(before: transaction).map { id, database, end in
        [id.description, String(Int64(bitPattern: database)), #"\x"# + Hex.encode(end.bigEndianBytes)]
      }
      put(.rows(ends), after: simulation.pause)
      advance()
    case .copy(let target):
      copying = target
      put(.copyIn)
    case .other:
      // The answer to the last statement comes with the commit.
      if position < transaction.statements.count { put(.command, after: simulation.pause) }
      advance()
    }
  }

  private func missingDay(_ transaction: ModelTransaction) -> Int32? {
    transaction.new.lazy.compactMap { $0.entry.isDated ? $0.entry.day : nil }.first { !self.database.hasPartitions($0) }
  }

  private static func row(_ entry: ModelTransaction.Entry, _ verdict: ModelLedger.Verdict) -> [String?] {
    switch verdict {
    case .known: [entry.id.description, "known", nil, nil]
    case .reused: [entry.id.description, "reused", nil, nil]
    case .new(begun: 0): [entry.id.description, "new", nil, nil]
    case .new(let begun):
      [
        entry.id.description, "new", String(begun),
        PushStock.shared.push(entry.id)?.digests[begun - 1].description,
      ]
    }
  }

  private func commit(_ transaction: ModelTransaction) {
    isCommitting = true
    let generation = generation
    var wait = simulation.chance(0.02) ? .seconds(simulation.draw(30)) : simulation.pause
    // A standby is missing: the transaction stays open and keeps its locks until the standby is back.
    if simulation.chance(0.01) { wait = .seconds(20 + simulation.draw(120)) }
    simulation.kernel.after(wait) { [self] in
      guard generation == self.generation, state == .open else { return }
      isCommitting = false
      self.transaction = nil
      if simulation.chance(0.03) {
        database.unlock(transaction)
        return lose("terminated before the commit")
      }
      if isRefusedAtCommit(transaction) {
        database.unlock(transaction)
        return refuse(.deferred)
      }
      database.commit(transaction)
      if transaction.statements.last == .other { put(.command) }
      if simulation.chance(0.03) { return lose("terminated after the commit") }
      put(.finished, after: simulation.pause)
    }
  }

  private func isRefusedAtCommit(_ transaction: ModelTransaction) -> Bool {
    simulation.isRefusedAtCommit
      && (transaction.new.contains { simulation.isPoisoned($0.0.id) }
        || database.broken.contains { transaction.brings($0) })
  }

  private func refuse(_ error: ModelRefusal) {
    simulation.note("refused", [error.number])
    database.unlock(transaction)
    transaction = nil
    copying = nil
    put(.failed(error.error), after: simulation.pause)
    put(.finished)
  }

  /// Breaks the session. Its transaction is rolled back, or is committed without a confirmation, now or later.
  func lose(_ reason: String, _ kind: DatabaseError.Kind = .connectionLost) {
    guard state == .open || state == .connecting else { return }
    if isCommitting, let transaction, !isRefusedAtCommit(transaction) {
      switch simulation.draw(4) {
      case 0: database.commit(transaction)
      case 1, 2:
        // The transaction holds its locks until then.
        let isCommitted = simulation.draw(2) == 0
        simulation.kernel.after(.milliseconds(simulation.draw(3000))) { [unowned database] in
          if isCommitted { database.commit(transaction) } else { database.unlock(transaction) }
        }
      default: database.unlock(transaction)
      }
    } else {
      database.unlock(transaction)
    }
    simulation.note("session lost", [])
    (transaction, copying, isCommitting) = (nil, nil, false)
    // The loss may take earlier answers with it.
    if simulation.draw(2) == 0 { answers.removeAll() }
    answers.removeAll { if case .drained = $0.answer { true } else { false } }
    state = .losing
    put(.lost(DatabaseError(kind, reason)), after: simulation.pause)
  }

  private func put(_ answer: Answer, after delay: Duration = .zero) {
    let due = max(answers.last?.due ?? 0, simulation.kernel.time + UInt64(delay.wholeNanoseconds))
    answers.append((due, answer))
    simulation.kernel.after(.nanoseconds(Int64(due - simulation.kernel.time))) {}
  }

  // MARK: Events for the writer

  func readiness(for interest: Interest) -> Readiness {
    answers.first.map { $0.due <= simulation.kernel.time } ?? false ? .read : []
  }

  func ready(_ readiness: Readiness) {
    guard let first = answers.first, first.due <= simulation.kernel.time, let delegate else { return }
    answers.removeFirst()
    switch first.answer {
    case .connected:
      if state == .connecting { state = .open }
      delegate.connected()
    case .rows(let rows): delegate.received(.rows(DatabaseRows(owning: Self.answer(rows))))
    case .command: delegate.received(.command(affected: 0))
    case .copyIn: delegate.received(.copyIn)
    case .failed(let error): delegate.received(.failed(error))
    case .finished: delegate.finished()
    case .drained:
      owesDrained = false
      delegate.drained()
    case .lost(let error):
      release()
      self.delegate = nil
      delegate.disconnected(error)
    }
  }

  private func release() {
    state = .closed
    generation += 1
    database.unlock(transaction)
    (transaction, copying, isCommitting, owesDrained) = (nil, nil, false, false)
    answers.removeAll()
    if let token { simulation.loop.deregister(token) }
    token = nil
  }

  /// A result as libpq returns it for a simple query: in text format.
  static func answer(_ rows: [[String?]]) -> OpaquePointer {
    guard let result = PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK) else { preconditionFailure("out of memory") }
    let width = rows.first?.count ?? 1
    var name = Array("value".utf8CString)
    name.withUnsafeMutableBufferPointer { name in
      var column = PGresAttDesc()
      column.name = name.baseAddress
      column.typid = 25
      column.typlen = -1
      var columns = Array(repeating: column, count: width)
      // Safety: libpq copies the descriptions, and each value below.
      precondition(PQsetResultAttrs(result, CInt(width), &columns) == 1)
    }
    for (row, values) in rows.enumerated() {
      for (column, value) in values.enumerated() {
        var text = Array((value ?? "").utf8CString)
        let count = value == nil ? -1 : CInt(text.count - 1)
        precondition(PQsetvalue(result, CInt(row), CInt(column), &text, count) == 1)
      }
    }
    return result
  }
}

/// Why the model refuses a message.
enum ModelRefusal {
  case missingPartition(Int32)
  /// Poisoned rows, with the context of the error or without it.
  case poisoned(String?)
  case transient(Int)
  /// A table refuses all rows.
  case broken
  /// A deferred check refuses the commit and names no table.
  case deferred
  /// The ledger refuses everything.
  case all

  var number: Int {
    switch self {
    case .missingPartition(let day): Int(day)
    case .poisoned(let context): context == nil ? -1 : -2
    case .transient(let kind): -3 - kind
    case .broken: -10
    case .deferred: -11
    case .all: -12
    }
  }

  var error: DatabaseError {
    switch self {
    case .missingPartition:
      DatabaseError(.statement, "no partition of relation \"t\" found for row", sqlstate: "23514")
    case .poisoned(let context):
      DatabaseError(.statement, "invalid byte sequence", sqlstate: "22021", context: context)
    case .transient(0): DatabaseError(.statement, "deadlock detected", sqlstate: "40P01")
    case .transient(1): DatabaseError(.statement, "out of shared memory", sqlstate: "53200")
    case .transient(2):
      DatabaseError(.statement, "cannot execute INSERT in a read-only transaction", sqlstate: "25006")
    case .transient: DatabaseError(.statement, "canceling statement due to lock timeout", sqlstate: "55P03")
    case .broken: DatabaseError(.statement, "relation does not exist", sqlstate: "42P01")
    case .deferred: DatabaseError(.statement, "not today", sqlstate: "P0001")
    case .all: DatabaseError(.statement, "permission denied for table ingest_ledger", sqlstate: "42501")
    }
  }
}
