import Ground
import Protocol
import Testing

@testable import App

/// What the statements of the reads touch: no partition of another time, and no rows of other servers.
@Suite struct ReadPlanTests {
  /// A table of so few blocks costs the same with an index and without.
  private static let fewBlocks = 32
  /// The rows of one server that conditions other than server and time may remove in one scan, beside the rows that remain.
  private static let otherRows = 500.0

  @Test func `the statements of every read touch only the servers and times of the question`() async throws {
    let week = try await FleetWeek.make(servers: 12, step: 30)
    defer { week.database.shutDown() }
    try await rollUp(week, fromHour: 96, toHour: 120)
    let reader = try await reader(of: week)
    try reader.rows("ANALYZE")
    let texts = try reader.rows("SELECT min(text_id) FROM metrics.pg_query_stats WHERE server_id = 3")
    let statement = try #require(Int64(texts[0][0]))
    var scans = 0
    // The range lies within the fifth day, with more than an hour before it: the last list may be an hour older.
    for (from, to) in [(98.0, 117.4), (116.8, 117.0)] {
      let (start, end) = (week.time(hours: from), week.time(hours: to))
      for read in ReadEndpoints.reads {
        for section in read.sections {
          let sql = text(read, section, servers: [3], start, end, statement: statement)
          // A statement that PostgreSQL refuses is an issue; the others are looked at all the same.
          guard let found = try? reader.scans(sql).filter({ $0.loops > 0 }) else { continue }
          scans += found.count
          // A read of a statement compares the range with the one before it.
          let isCompared = read.subject == .statement
          let earliest = isCompared ? week.time(hours: 2 * from - to) : start
          for fault in try faults(found, earliest, end, reader) {
            Issue.record("\(read.id), \(section.name), \(from) to \(to): \(fault)")
          }
        }
      }
    }
    #expect(scans > 50, "the statements read tables")
  }

  /// The comparison itself finds what it looks for.
  @Test func `a statement that reads other servers or other times is found`() async throws {
    let week = try await FleetWeek.make(servers: 12, step: 30)
    defer { week.database.shutDown() }
    let reader = try await reader(of: week)
    let (start, end) = (week.time(hours: 98), week.time(hours: 117))
    func count(_ condition: String) throws -> Int {
      let sql = "SELECT count(*) FROM metrics.pg_query_stats WHERE \(condition)"
      return try faults(reader.scans(sql).filter { $0.loops > 0 }, start, end, reader).count
    }
    let range = "time >= '\(start.rfc3339)' AND time < '\(end.rfc3339)'"
    #expect(try count("server_id = 3 AND \(range)") == 0)
    #expect(try count("server_id + 0 = 3 AND \(range)") == 2, "without the index, and rows of other servers removed")
    #expect(try count("server_id = 3") > 2, "partitions of other days")
  }

  // MARK: What a plan touches

  private func faults(
    _ scans: [PlanReader.Scan], _ start: Timestamp, _ end: Timestamp, _ reader: PlanReader
  ) throws -> [String] {
    let days = Set([start, end].map { $0.rfc3339.prefix(10).filter { $0 != "-" } })
    let blocks = Dictionary(
      try reader.rows("SELECT relname, relpages FROM pg_class WHERE relkind = 'r'").map { ($0[0], Int($0[1]) ?? 0) },
      uniquingKeysWith: max)
    return scans.flatMap { scan -> [String] in
      guard let partition = scan.relation.wholeMatch(of: /(.*)_p([0-9]{8})/) else { return [] }
      var faults: [String] = []
      let isRollup = partition.1.hasSuffix("_5m") || partition.1.hasSuffix("_1h")
      if !isRollup, !days.contains(String(partition.2)) { faults.append("another day: \(scan)") }
      let isSmall = blocks[scan.relation].map { $0 <= Self.fewBlocks } ?? false
      if !isSmall, !scan.indexCondition.contains("server_id") { faults.append("no index on servers: \(scan)") }
      if !isSmall, scan.removed > scan.rows + Self.otherRows { faults.append("rows removed: \(scan)") }
      return faults
    }
  }

  private func reader(of week: FleetWeek) async throws -> PlanReader {
    let reader = try PlanReader(try await PlanReader.name(of: week.database))
    try reader.rows("SET jit = off")
    return reader
  }

  private func rollUp(_ week: FleetWeek, fromHour: Double, toHour: Double) async throws {
    for server in week.servers {
      try await week.database.script(
        """
        INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
        VALUES (300, \(server), '\(week.time(hours: fromHour).rfc3339)', '\(week.time(hours: toHour - 0.01).rfc3339)')
        """)
    }
    var storage = Settings().storage
    storage.kind = .plain
    let rollups = Rollups(database: week.database, kind: .plain, storage: Live(constant: storage))
    while try await rollups.round().stretches > 0 {}
  }

  // MARK: Statements

  /// The statement of a section with the values of its parameters in place of their numbers.
  private func text(
    _ read: Read, _ section: ReadSection, servers: [Int32], _ start: Timestamp, _ end: Timestamp, statement: Int64
  ) -> String {
    let width: Int64 = 3600
    let borders = ReadBorders(start, end, .init(), bucketSeconds: section.kind.isSeries ? width : nil)
    let description = ReadStatement(read, section, .plain, order: nil, .init(limit: 20)).description
    func time(_ time: Timestamp) -> String { "'\(time.rfc3339)'" }
    var values = ReadScope.Parameter.allCases.map { parameter -> String in
      switch parameter {
      case .servers: "'{\(servers.map(String.init).joined(separator: ","))}'"
      case .start: time(start)
      case .end, .now, .moment: time(end)
      case .database, .databaseName, .words: "NULL"
      case .statement: read.subject == .statement ? "'\(statement)'" : "NULL"
      case .bucket: "'\(width)'"
      case .fineStart: time(borders.fineStart)
      case .coarseStart: time(borders.coarseStart)
      case .coarseEnd: time(borders.coarseEnd)
      case .fineEnd: time(borders.fineEnd)
      }
    }
    // Numbers among a read's own parameters are thresholds; the others are filters that a request may leave out.
    values += read.parameters.map { $0.type == .int8 || $0.type == .float8 ? "'20'" : "NULL" }
    values += ["21", "0", "NULL"]
    var sql = description.sql
    for (index, type) in description.parameterTypes.enumerated().reversed() {
      sql = sql.replacing("$\(index + 1)", with: "(\(values[index])::\(type))")
    }
    return sql
  }
}
