// TimescaleDB's own jobs on chunks of a certain age, kept in line with the settings.

/// A job of TimescaleDB for a hypertable. TimescaleDB's functions are named after the raw value.
enum HypertablePolicy: String, CaseIterable, Sendable {
  case compression
  case retention

  /// The procedure's name in TimescaleDB's list of jobs.
  var procedure: String { "policy_\(rawValue)" }

  /// The age in days at which the job handles a chunk.
  func days(of table: any ReconciledTable, _ settings: StorageSettings) -> Int32 {
    switch self {
    case .compression: table.compressionDays(settings)
    case .retention: table.retentionDays(settings)
    }
  }

  /// The SQL that replaces the job, or adds it. TimescaleDB runs the new job at once.
  func replacement(of table: any ReconciledTable, _ settings: StorageSettings) -> String {
    let literal = quotedLiteral(table.qualifiedName)
    return """
      SELECT remove_\(rawValue)_policy(\(literal), if_exists => true);
      SELECT add_\(rawValue)_policy(\(literal), INTERVAL '\(days(of: table, settings)) days');

      """
  }
}

struct HypertablePolicies: Sendable {
  private let database: Database
  private let tables: [any ReconciledTable]

  init(database: Database, tables: [any ReconciledTable] = StoredTable.all + RollupTable.all) {
    self.database = database
    self.tables = tables
  }

  /// Replaces jobs and settings that differ from `settings`. Usually there is nothing to do, and then no lock is taken.
  /// - Returns: the names of what was replaced.
  @discardableResult
  func follow(_ settings: StorageSettings) async throws(DatabaseError) -> [String] {
    let policies = try await database.rows(
      TimescaleStatements.policies, HypertablePolicy.allCases.map(\.procedure))
    let found = Dictionary(
      policies.map { (Key(table: $0.table, procedure: $0.procedure), $0.days) }, uniquingKeysWith: { first, _ in first }
    )
    var replaced = try await followCompression(settings)
    for table in tables {
      let name = "\(table.schema).\(table.name)"
      for policy in HypertablePolicy.allCases
      where found[Key(table: name, procedure: policy.procedure)] != policy.days(of: table, settings) {
        try await database.transaction { session throws(DatabaseError) in
          try await session.limitLockWait(settings.ddlLockTimeout)
          try await session.script(policy.replacement(of: table, settings))
        }
        replaced.append("\(policy.rawValue) \(name)")
      }
    }
    return replaced
  }

  /// Corrects the order within compressed chunks and the length of chunks. Existing chunks do not change.
  private func followCompression(_ settings: StorageSettings) async throws(DatabaseError) -> [String] {
    let found = Dictionary(
      try await database.rows(TimescaleStatements.compression).map { ($0.table, $0.compression) },
      uniquingKeysWith: { first, _ in first })
    var changed: [String] = []
    for table in tables {
      let name = "\(table.schema).\(table.name)"
      let wanted = table.compression
      if found[name] == nil || found[name] == wanted { continue }
      try await database.transaction { session throws(DatabaseError) in
        try await session.limitLockWait(settings.ddlLockTimeout)
        if found[name]?.chunkDays != wanted.chunkDays {
          try await session.script(wanted.interval(of: table.qualifiedName))
        }
        if found[name]?.segmentBy != wanted.segmentBy || found[name]?.orderBy != wanted.orderBy {
          try await session.script(wanted.setting(of: table.qualifiedName))
        }
      }
      changed.append("order \(name)")
    }
    return changed
  }

  private struct Key: Hashable {
    let table: String
    let procedure: String
  }
}
