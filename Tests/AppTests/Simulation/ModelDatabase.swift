// A model of the database as far as the ingest path can tell: ledger, names, dead letters and partitions. It stores a
// message whole or not at all, and compares the stored rows with those of the pushes at once.

@testable import App
@testable import Protocol

final class ModelDatabase {
  /// The server whose rows may be anything.
  private static let noisyServer = PushStock.serverID(ofCollector: PushStock.collectors - 1)

  unowned let simulation: Simulation
  private let stock = PushStock.shared
  private(set) var ledger = ModelLedger()
  /// The transaction that holds the ledger's lock of a server.
  private var locks: [Int32: ObjectIdentifier] = [:]
  /// The number of stored metrics of a push, or of the largest push of its family, by the digest of the first metric.
  private var storedMetrics: [UUID: Int] = [:]
  /// The end of the last stored log list of each server, by database.
  private var logEnds: [Int32: [UInt64: [UInt64]]] = [:]
  /// Ids of texts and objects, combined with their server.
  private var texts: Set<Int64> = []
  private var objects: Set<Int64> = []
  /// Days since 2000-01-01 that have partitions.
  private(set) var days: Set<Int32> = []
  /// Days of rows or ledger entries.
  private var usedDays: Set<Int32> = []
  /// Targets whose tables refuse all rows, and whether the ledger refuses everything.
  private(set) var broken: Set<Int> = []
  private(set) var refusesAll = false
  /// Whether the database is down and refuses connections.
  private(set) var isDown = false
  var sessions: [ModelSession] = []
  /// The columns of each target that refer to a text or an object.
  private let references: [[(column: Int, isObject: Bool)]]

  init(_ simulation: Simulation) {
    self.simulation = simulation
    references = stock.catalog.targets.map { target in
      guard let table = MetricCatalog.tables.first(where: { $0.name == target.table }) else { return [] }
      let interned = Set(table.columns.compactMap { $0.kind == .interned ? $0.storedName : nil })
      return target.columns.enumerated().compactMap { index, column in
        if column.name == "object_id", !table.object.isEmpty { return (index, true) }
        let isText = column.name == "database_id" && table.hasDatabase || interned.contains(column.name)
        return isText ? (index, false) : nil
      }
    }
  }

  // MARK: Faults

  /// Ends every session, and refuses connections for a while.
  func restart(for duration: Duration) {
    isDown = true
    simulation.note("database down", [])
    for session in sessions { session.lose("the server is shutting down") }
    simulation.kernel.after(duration) { [self] in
      isDown = false
      simulation.note("database up", [])
    }
  }

  /// Makes a table refuse all rows for a while.
  func breakTable(for duration: Duration) {
    let target = simulation.draw(stock.catalog.unknownMetricsTarget + 1)
    simulation.note("table broken", [target])
    broken.insert(target)
    simulation.kernel.after(duration) { [self] in
      broken.remove(target)
      simulation.note("table mended", [target])
    }
  }

  /// Makes the ledger refuse everything for a while.
  func refuseAll(for duration: Duration) {
    simulation.note("all refused", [])
    refusesAll = true
    simulation.kernel.after(duration) { [self] in refusesAll = false }
  }

  /// Drops the partitions of a day, if nothing is in them.
  func forgetDay() {
    guard let day = days.subtracting(usedDays).min() else { return }
    simulation.note("partition dropped", [Int(day)])
    days.remove(day)
  }

  func addDays(_ more: [Int32]) { days.formUnion(more) }

  // MARK: Transactions

  /// Whether `day` has the partitions that rows and ledger entries need.
  func hasPartitions(_ day: Int32) -> Bool { days.contains(day) }

  /// Checks one COPY. - Returns: a day of its rows that has no partition.
  func missingDay(_ copy: [UInt8], target: Int) -> Int32? {
    guard target < stock.catalog.unknownMetricsTarget + 1, let tuples = tuples(copy, target) else { return nil }
    for tuple in tuples {
      guard let time = tuple.fields[0] else { continue }
      let microseconds = ModelTuple.integer(copy, time)
      let day = Int32(microseconds / 86_400_000_000)
      if !days.contains(day) { return day }
    }
    return nil
  }

  /// The context of an error in the first row of `push`, as PostgreSQL writes it.
  func context(of push: StockedPush, _ target: Int, _ transaction: ModelTransaction) -> String {
    let copy = transaction.data[target] ?? []
    let line = tuples(copy, target)?.firstIndex { push.tuples[target].starts(with: copy[$0.range]) } ?? 0
    return "COPY \(stock.catalog.targets[target].table), line \(line + 1), column time"
  }

  private func tuples(_ copy: [UInt8], _ target: Int) -> [ModelTuple]? {
    let tuples = ModelTuple.all(of: copy, fieldCount: stock.catalog.targets[target].columns.count)
    if tuples == nil { simulation.violated("COPY data that PostgreSQL would refuse, for target \(target)") }
    return tuples
  }

  /// Takes the free locks of the transaction's servers. - Returns: the servers whose locks the transaction holds.
  func lock(_ transaction: ModelTransaction) -> [Int32] {
    for server in transaction.servers where locks[server] == nil {
      locks[server] = ObjectIdentifier(transaction)
      transaction.held.insert(server)
    }
    return transaction.held.sorted()
  }

  /// Releases the locks of a transaction that has ended.
  func unlock(_ transaction: ModelTransaction?) {
    guard let transaction else { return }
    for server in transaction.held { locks[server] = nil }
    transaction.held = []
  }

  func enterQuickly(_ transaction: ModelTransaction, day: Int32?) -> [UUID] {
    let entries = transaction.quick.filter { $0.day == day }.filter {
      transaction.held.contains($0.serverID) && ledger.relatives(of: $0).isEmpty
    }
    transaction.new += entries.map { ($0, 0) }
    return entries.map(\.id)
  }

  func enterCarefully(
    _ transaction: ModelTransaction, day: Int32?
  ) -> [(ModelTransaction.Entry, ModelLedger.Verdict)] {
    transaction.careful.filter { $0.day == day && transaction.held.contains($0.serverID) }.map { entry in
      let verdict = ledger.judge(entry)
      if let key = entry.key, verdict != .reused { transaction.keys.append((entry.serverID, key, entry.id)) }
      if case .new(let begun) = verdict { transaction.new.append((entry, begun)) }
      return (entry, verdict)
    }
  }

  /// The stored ends that the first log lists of the transaction's new pushes are compared with.
  func logEnds(before transaction: ModelTransaction) -> [(id: UUID, database: UInt64, end: [UInt64])] {
    let new = Set(transaction.new.map(\.entry.id))
    return transaction.logEnds.compactMap { list in
      guard new.contains(list.id), let end = logEnds[list.serverID]?[list.database] else { return nil }
      return (list.id, list.database, end)
    }
  }

  /// Replaces the stored ends with the ends of a push that is stored or parked.
  private func moveLogEnds(to push: StockedPush) {
    let server = PushStock.serverID(ofCollector: push.collector)
    for lists in push.logLists.all { logEnds[server, default: [:]][lists.database] = lists.end }
  }

  /// The tuples of a push for a target that the database must store when the first `begun` metrics are stored.
  private func expected(_ push: StockedPush, after begun: Int, _ target: Int) -> [UInt8] {
    // These metrics are a push by themselves, and the stock has decoded that push by itself.
    let stored = begun == 0 ? 0 : stock.beginning(of: push, metrics: begun)?.tuples[target].count ?? 0
    var bytes = Array(push.tuples[target][stored...])
    guard target == stock.catalog.logTarget else { return bytes }
    let ends = logEnds[PushStock.serverID(ofCollector: push.collector)] ?? [:]
    for lists in push.logLists.all where lists.metricsBefore >= begun {
      // As the rule says: the longest stored end that the list begins with.
      let end = ends[lists.database] ?? []
      let known =
        (0...min(end.count, lists.lines.count)).last { Array(end.suffix($0)) == Array(lists.lines.prefix($0)) } ?? 0
      bytes.removeFirst(lists.byteCounts.prefix(known).reduce(0, +))
    }
    return bytes
  }

  /// Whether all metrics of a push are stored or parked, with this push or within a larger one.
  func holds(_ push: StockedPush) -> Bool { storedMetrics[push.digests[0]] ?? 0 >= push.metrics }

  func commit(_ transaction: ModelTransaction) {
    unlock(transaction)
    transaction.new.sort { $0.entry.id < $1.entry.id }
    simulation.note("commit", transaction.new.map { Int($0.entry.serverID) })
    for (entry, begun) in transaction.new {
      if ledger[entry.id] != nil { simulation.violated("\(entry.id) entered the ledger twice") }
      if simulation.isPoisoned(entry.id) { simulation.violated("poisoned rows of \(entry.id) were stored") }
      ledger.insert(entry, isParked: false)
      if entry.isDated, let day = entry.day { usedDays.insert(day) }
      guard let push = stock.push(entry.id) else { continue }
      if push.day != entry.day { simulation.violated("\(entry.id): another day") }
      if storedMetrics[push.digests[0]] ?? 0 != begun {
        simulation.violated(
          "\(entry.id): \(storedMetrics[push.digests[0]] ?? 0) of its metrics are stored, and the ledger said \(begun)")
      }
      storedMetrics[push.digests[0]] = push.metrics
    }
    for key in transaction.keys { ledger.insert(key: key.key, of: key.serverID, for: key.id) }
    addNames(transaction)
    for target in 0...stock.catalog.unknownMetricsTarget { check(transaction, target) }
    let pushes = transaction.new.compactMap { stock.push($0.entry.id) }.filter { !$0.logLists.isEmpty }
    if Set(pushes.map(\.collector)).count < pushes.count {
      simulation.violated("one transaction has the log lists of two pushes of one server")
    }
    for push in pushes { moveLogEnds(to: push) }
  }

  /// Fills the transaction of another server: the rows of one push behind the metrics that are stored.
  func fill(_ transaction: ModelTransaction, with push: StockedPush) {
    let begun = transaction.new.first?.begun ?? 0
    for target in stock.catalog.targets.indices {
      let isName = target > stock.catalog.unknownMetricsTarget
      let tuples = isName ? push.tuples[target] : expected(push, after: begun, target)
      if !tuples.isEmpty {
        transaction.data[target] = PostgresBinary.copyHeader + tuples + PostgresBinary.copyTrailer
      }
    }
  }

  private func addNames(_ transaction: ModelTransaction) {
    for target in [stock.catalog.textsTarget, stock.catalog.objectsTarget] {
      guard let copy = transaction.data[target] else { continue }
      for tuple in tuples(copy, target) ?? [] {
        guard let server = tuple.fields[0], let id = tuple.fields[1] else { continue }
        let key = ModelTuple.integer(copy, id) ^ ModelTuple.integer(copy, server) << 32
        if target == stock.catalog.textsTarget { texts.insert(key) } else { objects.insert(key) }
      }
    }
  }

  /// Checks that the rows for `target` are those of the new pushes, in their order, and that every name of a row is
  /// known.
  private func check(_ transaction: ModelTransaction, _ target: Int) {
    let copy = transaction.data[target] ?? []
    var expected: [UInt8] = []
    for (entry, begun) in transaction.new where entry.serverID != Self.noisyServer {
      guard let push = stock.push(entry.id) else { continue }
      expected += self.expected(push, after: begun, target)
    }
    if copy.isEmpty {
      if !expected.isEmpty { simulation.violated("rows of target \(target) were left out") }
      return
    }
    var found: [UInt8] = []
    for tuple in tuples(copy, target) ?? [] {
      guard let time = tuple.fields[0], let serverField = tuple.fields[1] else {
        simulation.violated("a row of target \(target) without time or server")
        continue
      }
      usedDays.insert(Int32(ModelTuple.integer(copy, time) / 86_400_000_000))
      let server = ModelTuple.integer(copy, serverField)
      for reference in references[target] {
        guard let field = tuple.fields[reference.column] else { continue }
        let key = ModelTuple.integer(copy, field) ^ server << 32
        if !(reference.isObject ? objects : texts).contains(key) {
          simulation.violated("a row of target \(target) refers to a name that is not stored")
        }
      }
      if server != Int64(Self.noisyServer) { found += copy[tuple.range] }
    }
    if found != expected { simulation.violated("rows of target \(target) are not those of the pushes") }
  }

  /// Parks a push.
  func park(_ entry: ModelTransaction.Entry) {
    simulation.note("park", [Int(entry.serverID)])
    guard case .new = ledger.judge(entry) else { return }
    ledger.insert(entry, isParked: true)
    if let key = entry.key { ledger.insert(key: key, of: entry.serverID, for: entry.id) }
    guard let push = stock.push(entry.id) else { return }
    storedMetrics[push.digests[0]] = push.metrics
    moveLogEnds(to: push)
  }
}
