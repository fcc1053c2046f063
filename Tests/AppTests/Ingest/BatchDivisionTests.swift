import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// A refusal stays with the push that causes it. The database of these tests refuses the rows that a test names, and
/// stores all others.
@Suite struct BatchDivisionTests {
  private static let catalog = CompiledCatalog()

  /// A model of the database, and a record of the outcome of each push.
  private final class World {
    var division: BatchDivision
    var settings = Settings()
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
    /// The rows that the database refuses: by collector, and by table.
    var guilty: Set<Int32> = []
    var broken: Set<Int> = []
    /// Whether the error comes at the commit and names no table.
    var isDeferred = false
    /// Whether the error names the line of a COPY.
    var isTraced = false
    private(set) var stored: [UInt64] = []
    private(set) var parked: [UInt64] = []
    private(set) var refused: [UInt64: Refusal] = [:]
    private(set) var expired: [UInt64] = []
    private(set) var faults = 0
    private(set) var transactions: [[UInt64]] = []

    init(_ change: (inout Settings) -> Void = { _ in }) {
      change(&settings)
      division = BatchDivision(settings: settings)
    }

    static let disk = BatchDivisionTests.catalog.targets.firstIndex { $0.table == "disk_usage" }!
    static let unknown = BatchDivisionTests.catalog.unknownMetricsTarget

    func submit(_ push: Push) {
      if let refusal = division.submit(push, at: now) { refused[push.id.low] = refusal }
    }

    /// Runs one transaction. - Returns: false if no batch is ready.
    func step() -> Bool {
      carryOut(division.expire(at: now))
      guard division.hasBatch else { return false }
      let batch = division.takeBatch()
      transactions.append(batch.map(\.id.low))
      var culprit: (push: Push, target: Int?)?
      for target in Self.catalogTargets where culprit == nil {
        let isBroken = broken.contains(target)
        if let push = batch.first(where: { $0.touches(.target(target)) && (isBroken || guilty.contains($0.serverID)) })
        {
          culprit = (push, isDeferred ? nil : target)
        }
      }
      if let culprit {
        let error = DatabaseError(.statement, "no", sqlstate: "P0001")
        let refusal = Refusal(
          sqlstate: "P0001", table: culprit.target.map { BatchDivisionTests.catalog.targets[$0].table })
        carryOut(
          division.refused(
            batch, error, refusal, at: culprit.target.map(BatchPlace.target), traced: isTraced ? culprit.push : nil,
            now: now))
      } else {
        _ = division.committed(batch) { _ in true }
        stored += batch.map(\.id.low)
      }
      return true
    }

    private static let catalogTargets = 0...BatchDivisionTests.catalog.unknownMetricsTarget

    /// Runs transactions until no batch is ready. With `isPatient`, lets time pass as well, until no push is left.
    func run(isPatient: Bool = true) {
      repeat {
        while step() {}
        if !division.isEmpty, isPatient { now = now + .milliseconds(500) }
      } while !division.isEmpty && isPatient
    }

    private func carryOut(_ verdicts: [BatchDivision.Verdict]) {
      for verdict in verdicts {
        switch verdict {
        case .park(let push): parked.append(push.id.low)
        case .refuse(let push, let refusal): refused[push.id.low] = refusal
        case .fault: faults += 1
        case .expire(let push): expired.append(push.id.low)
        }
      }
    }

    var settled: Int { stored.count + parked.count + refused.count + expired.count }
  }

  /// A push of collector `server` with one row for each of `targets`.
  private func push(_ id: UInt64, of server: Int32, _ targets: [Int] = [World.disk], at now: MonotonicTime) throws
    -> Push
  {
    let push = Push(catalog: Self.catalog)
    (push.serverID, push.id, push.deadline) = (server, UUID(high: 0, low: id), now + .seconds(20))
    var decoder = PushDecoder(catalog: Self.catalog)
    var known = KnownIDs(capacity: 1024)
    decoder.begin(serverID: server, timeWindow: 0...4_000_000_000_000_000)
    let metrics = targets.map { target in
      target == World.disk
        ? #"{"filesystems":[{"device":"d","free_gb":1,"mount":"","percent_used":8.5,"total_gb":2,"used_gb":1}],"#
          + #""timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#
        : #"{"timestamp":"2026-11-22T19:33:04Z","type":"weather"}"#
    }
    let json = Array((#"{"collector_id":"c","metrics":["# + metrics.joined(separator: ",") + "]}").utf8)
    _ = try decoder.consume(json.span, isLast: true, rows: &push.rows, known: &known)
    #expect(Int(decoder.summary.rows) == targets.count)
    return push
  }

  @Test(arguments: [(false, false), (true, false), (false, true)])
  func `a guilty push is found and parked, and its neighbours are stored`(isDeferred: Bool, isTraced: Bool) throws {
    let world = World()
    (world.guilty, world.isDeferred, world.isTraced) = ([13], isDeferred, isTraced)
    for id in 1...64 { world.submit(try push(UInt64(id), of: Int32(id), at: world.now)) }
    world.run()
    #expect(world.parked == [13])
    #expect(world.stored.count == 63 && world.refused.isEmpty && world.expired.isEmpty)
    #expect(world.faults == 0)
    // The batch is tried whole twice, then in six rounds of halves, then the push alone until there is a witness. With
    // a known line the push is alone at once.
    #expect(world.transactions.count <= (isTraced ? 5 : 2 + 12 + 3), "\(world.transactions.map(\.count))")
  }

  @Test func `several guilty pushes are parked, each by itself`() throws {
    let world = World()
    world.guilty = [3, 4, 40]
    for round in 0..<3 {
      for id in 1...64 { world.submit(try push(UInt64(round * 64 + id), of: Int32(id), at: world.now)) }
      world.run(isPatient: false)
    }
    world.run()
    #expect(world.stored.count == 3 * 61)
    #expect(Set(world.parked.map { $0 % 64 }).isSubset(of: [3, 4, 40]) && !world.parked.isEmpty)
    #expect(world.settled == 3 * 64)
  }

  @Test(arguments: [false, true])
  func `a table that refuses all rows parks no push and stops no push that does not need it`(isDeferred: Bool) throws {
    let world = World()
    (world.broken, world.isDeferred) = ([World.disk], isDeferred)
    for id in 1...40 {
      let tables = id % 2 == 0 ? [World.disk] : [World.unknown]
      world.submit(try push(UInt64(id), of: Int32(id), tables, at: world.now))
    }
    world.run(isPatient: false)
    #expect(world.parked.isEmpty)
    #expect(world.stored.sorted() == (1...40).filter { $0 % 2 == 1 })
    #expect(world.refused.keys.sorted() == (1...40).filter { $0 % 2 == 0 })
    #expect(world.refused.values.allSatisfy { $0.sqlstate == "P0001" })
    if !isDeferred { #expect(world.refused.values.allSatisfy { $0.table == "disk_usage" }) }

    // During the rest no push waits: one probe a second is tried, and the other pushes are refused at once.
    let before = world.transactions.count
    for id in 100..<200 {
      if id % 10 == 0 { world.now = world.now + .seconds(1) }
      world.submit(try push(UInt64(id), of: Int32(id), at: world.now))
      while world.step() {}
    }
    #expect(world.transactions.count - before == 10, "a probe a second")
    #expect((100..<200).allSatisfy { world.refused[UInt64($0)] != nil } && world.parked.isEmpty)

    // The table works again: the next probe opens it for all.
    world.broken = []
    world.now = world.now + .seconds(2)
    for id in 200..<210 {
      world.submit(try push(UInt64(id), of: Int32(id), at: world.now))
      while world.step() {}
    }
    #expect((200..<210).allSatisfy { world.stored.contains(UInt64($0)) })
    world.run()
    #expect(world.division.isEmpty)
  }

  @Test func `with a thousand collectors, pushes without the broken table keep half of the transactions`() throws {
    let world = World()
    world.broken = [World.disk]
    var id: UInt64 = 0
    // For ten seconds there is always more to store than one batch holds.
    for second in 0..<10 {
      for server in 1...200 {
        id += 1
        world.submit(
          try push(id, of: Int32(second * 100 + server), [server % 2 == 0 ? World.disk : World.unknown], at: world.now))
      }
      world.run(isPatient: false)
      world.now = world.now + .seconds(1)
    }
    let good = world.transactions.filter { batch in batch.contains { world.stored.contains($0) } }
    #expect(world.stored.count == 1000 && world.parked.isEmpty)
    // The bound covers the division. Afterwards nearly all transactions are good.
    #expect(world.transactions.count < good.count + 2 * 64 + 20, "\(good.count) of \(world.transactions.count)")
  }

  @Test func `a database that refuses everything causes one division per rest, and no push is parked`() throws {
    let world = World()
    (world.broken, world.isDeferred) = ([World.disk, World.unknown], true)
    for round in 0..<25 {
      for id in 1...64 {
        world.submit(try push(UInt64(round * 64 + id), of: Int32(id), [World.disk, World.unknown], at: world.now))
      }
      world.run(isPatient: false)
      world.now = world.now + .seconds(1)
    }
    #expect(world.parked.isEmpty && world.stored.isEmpty && world.refused.count == 25 * 64)
    #expect(world.transactions.count <= 2 + 2 * 64 + 25, "\(world.transactions.count)")
  }

  @Test func `pushes of a collector with a parked push have batches of their own until one commits`() throws {
    let world = World()
    world.guilty = [1]
    for id in 1...8 { world.submit(try push(UInt64(id), of: Int32(id), at: world.now)) }
    world.run()
    #expect(world.parked == [1])
    world.guilty = []
    for id in 11...18 { world.submit(try push(UInt64(id), of: Int32(id - 10), at: world.now)) }
    world.run()
    #expect(world.transactions.contains([11]))
    for id in 21...28 { world.submit(try push(UInt64(id), of: Int32(id - 20), at: world.now)) }
    world.run()
    #expect(world.transactions.last?.sorted() == Array(21...28))
  }

  @Test func `a refused push without a witness is answered within the wait, and is not parked`() throws {
    let world = World()
    world.guilty = [1]
    world.submit(try push(1, of: 1, at: world.now))
    let begin = world.now
    world.run()
    #expect(world.parked.isEmpty && world.refused[1] == Refusal(sqlstate: "P0001", table: "disk_usage"))
    #expect(world.now - begin <= world.settings.witnessWait + .seconds(1))
    #expect(world.faults == 0, "one collector is no evidence against a table")
    // A witness that arrives within the wait decides.
    world.submit(try push(2, of: 1, at: world.now))
    world.run(isPatient: false)
    world.submit(try push(3, of: 2, at: world.now))
    world.run(isPatient: false)
    #expect(world.parked == [2] && world.stored == [3])
  }

  @Test func `a repeat is no witness, because its rows were not sent`() throws {
    let world = World()
    world.broken = [World.disk]
    world.submit(try push(1, of: 1, at: world.now))
    while world.step() {}
    let repeated = try push(2, of: 2, at: world.now)
    #expect(world.division.submit(repeated, at: world.now) == nil)
    _ = world.division.takeBatch()
    _ = world.division.committed([repeated]) { _ in false }
    world.run()
    #expect(world.parked.isEmpty && world.refused[1] != nil)
  }

  @Test func `in random worlds no innocent push is parked, all pushes are settled, and good ones are stored`() throws {
    for seed in 0..<60 {
      var random = QuickRandom(seed: UInt64(seed))
      let world = World {
        $0.batchPushes = Int.random(in: 1...16, using: &random)
      }
      let isTableBroken = Int.random(in: 0..<2, using: &random) == 0
      if isTableBroken { world.broken = [World.disk] }
      if !isTableBroken {
        for _ in 0..<Int.random(in: 0..<4, using: &random) { world.guilty.insert(.random(in: 1...12, using: &random)) }
      }
      world.isDeferred = Bool.random(using: &random)
      world.isTraced = !world.isDeferred && Bool.random(using: &random)
      var servers: [UInt64: (server: Int32, tables: [Int])] = [:]
      for id in 1...UInt64(120) {
        let tables = [[World.disk], [World.unknown], [World.disk, World.unknown]][Int.random(in: 0..<3, using: &random)]
        let server = Int32.random(in: 1...12, using: &random)
        servers[id] = (server, tables)
        let push = try push(id, of: server, tables, at: world.now)
        push.deadline = world.now + .seconds(600)
        world.submit(push)
        if Int.random(in: 0..<4, using: &random) == 0 { _ = world.step() }
        world.now = world.now + .milliseconds(.random(in: 10...400, using: &random))
      }
      world.run()
      #expect(world.settled == 120 && world.division.queuedBytes == 0, "seed \(seed)")
      for id in world.parked { #expect(world.guilty.contains(servers[id]!.server), "seed \(seed): \(id) is innocent") }
      for id in world.stored {
        let push = servers[id]!
        #expect(
          !world.guilty.contains(push.server) && !(isTableBroken && push.tables.contains(World.disk)), "seed \(seed)")
      }
      // A push that does not need a broken table is stored. Where collectors are to blame, other pushes are refused a
      // few times at most.
      let good = servers.filter {
        isTableBroken ? !$0.value.tables.contains(World.disk) : !world.guilty.contains($0.value.server)
      }
      let missed = good.count { !world.stored.contains($0.key) }
      #expect(
        missed <= (world.isDeferred || !isTableBroken ? good.count / 4 : 0), "seed \(seed): \(missed) of \(good.count)")
    }
  }
}
