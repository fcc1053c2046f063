// The operator's commands on parked pushes: list them, store one, or delete one. The ledger keeps its entry of the push
// in any case: if the collector sends the push again, it counts as a repeat.

import Ground
import Protocol

/// Why a parked push cannot be stored now. The push stays parked.
enum ParkedPushFailure: DatabaseFailure, Equatable {
  case database(DatabaseError)
  /// No push with this id is parked.
  case unknown(UUID)
  /// This program has no such table.
  case foreignTable(String)
  /// The tuples were encoded for a column that the table no longer has (`present` is nil) or has with another type.
  case changedColumn(table: String, column: String, encoded: String, present: String?)
  /// The bytes are not tuples of a binary COPY into these columns.
  case unreadable(table: String)
  /// The rows are older than the retention: their partitions are dropped already or will be dropped next.
  case pastRetention(oldest: Timestamp)

  init(_ error: DatabaseError) { self = .database(error) }
}

extension ParkedPushFailure: CustomStringConvertible {
  var description: String {
    switch self {
    case .database(let error): "PostgreSQL refuses it: \(error)"
    case .unknown(let id): "no push \(id) is parked"
    case .foreignTable(let table): "this version has no table \(table)"
    case .changedColumn(let table, let column, let encoded, nil):
      "\(table) has no column \(column) any more, which the rows were encoded for as \(encoded)"
    case .changedColumn(let table, let column, let encoded, let present?):
      "column \(column) of \(table) is \(present) now, and the rows were encoded for \(encoded)"
    case .unreadable(let table): "the rows for \(table) do not have the columns of the table"
    case .pastRetention(let oldest): "its rows are past their retention: the oldest is of \(oldest.rfc3339)"
    }
  }
}

/// Lists, stores and deletes parked pushes.
struct ParkedPushes: Sendable {
  private let database: Database
  private let storage: StorageSettings
  private let catalog = CompiledCatalog()

  init(database: Database, storage: StorageSettings) {
    self.database = database
    self.storage = storage
  }

  /// All parked pushes, the latest first.
  func list() async throws(DatabaseError) -> [ParkedPushStatements.Parked] {
    try await database.rows(ParkedPushStatements.list)
  }

  /// Deletes a parked push. - Returns: whether there was one.
  func drop(_ id: UUID) async throws(DatabaseError) -> Bool {
    try await database.execute(ParkedPushStatements.drop, id) > 0
  }

  /// Stores a push and deletes it from the parked ones, in one transaction.
  /// - Returns: the number of stored metric rows.
  func retry(_ id: UUID) async throws(ParkedPushFailure) -> Int {
    let times = try await prepareDays(
      try await ask { () async throws(DatabaseError) in
        try await database.rows(ParkedPushStatements.letters, id)
      })
    return try await database.transaction { session throws(ParkedPushFailure) in
      // The statement locks the rows of the parked push: if two operators retry the same push, the second finds none.
      let letters = try await ask { () async throws(DatabaseError) in
        try await session.rows(ParkedPushStatements.letters, id)
      }
      guard let server = letters.first?.serverID else { throw .unknown(id) }
      var rows = 0
      for letter in letters { rows += try await store(letter, session) }
      try await ask { () async throws(DatabaseError) in
        if let times {
          try await session.execute(ParkedPushStatements.notePending, server, times.lowerBound, times.upperBound)
        }
        try await session.execute(ParkedPushStatements.drop, id)
      }
      return rows
    }
  }

  /// Makes the partitions that the rows need. - Returns: the earliest and the latest time of a row; nil without rows.
  private func prepareDays(
    _ letters: [ParkedPushStatements.Letter]
  ) async throws(ParkedPushFailure) -> ClosedRange<Timestamp>? {
    var times: ClosedRange<Timestamp>?
    for letter in letters where !isStaged(letter.table) {
      guard let tuples = BinaryTuples(letter.tuples) else { throw .unreadable(table: letter.table) }
      for time in tuples.times {
        times = times.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
      }
    }
    guard let times else { return nil }
    let today = try await ask { () async throws(DatabaseError) in
      try await database.one(PartitionStatements.today)?.value
    }
    let days = Day(of: times.lowerBound).word...Day(of: times.upperBound).word
    guard let today, today.advanced(by: -storage.retentionDays).word <= days.lowerBound else {
      throw .pastRetention(oldest: times.lowerBound)
    }
    try await ask { () async throws(DatabaseError) in
      _ = try await Partitions(database: database, storage: Live(constant: storage))
        .ensure(days: days.map { Day(word: $0) })
    }
    return times
  }

  /// Whether the table's rows are names, some of which may be stored already.
  private func isStaged(_ table: String) -> Bool {
    catalog.targets[(catalog.unknownMetricsTarget + 1)...].contains { $0.table == table }
  }

  /// Stores the push's rows for one table. - Returns: the number of metric rows.
  private func store(
    _ letter: ParkedPushStatements.Letter, _ session: DatabaseLease
  ) async throws(ParkedPushFailure) -> Int {
    guard let target = catalog.targets.first(where: { $0.table == letter.table }) else {
      throw .foreignTable(letter.table)
    }
    let names = letter.columnNames ?? target.columns.map(\.name)
    let types = letter.columnTypes ?? target.columns.map(\.type)
    guard let tuples = BinaryTuples(letter.tuples), tuples.fieldCount == names.count, names.count == types.count else {
      throw .unreadable(table: letter.table)
    }
    let isStaged = isStaged(letter.table)
    let table = (isStaged ? "pganalytics." : "metrics.") + "\"\(target.table)\""
    let changed = try await ask { () async throws(DatabaseError) in
      try await session.one(ParkedPushStatements.changedColumn, table, names, types)
    }
    if let changed {
      throw .changedColumn(table: table, column: changed.name, encoded: changed.encoded, present: changed.present)
    }
    let columns = names.map {
      "\"" + $0.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
    let list = columns.joined(separator: ",")
    try await ask { () async throws(DatabaseError) in
      if !isStaged { return try await session.copy("COPY \(table)(\(list)) FROM STDIN (FORMAT binary)", letter.tuples) }
      try await session.script("CREATE TEMP TABLE parked_\(target.table) (LIKE \(table)) ON COMMIT DROP")
      try await session.copy("COPY parked_\(target.table)(\(list)) FROM STDIN (FORMAT binary)", letter.tuples)
      try await session.script(
        "INSERT INTO \(table)(\(list)) SELECT \(list) FROM parked_\(target.table) ORDER BY 1, 2 ON CONFLICT DO NOTHING")
    }
    return isStaged ? 0 : tuples.count
  }

  private func ask<Value>(
    _ work: () async throws(DatabaseError) -> Value
  ) async throws(ParkedPushFailure) -> Value {
    do throws(DatabaseError) { return try await work() } catch { throw .database(error) }
  }
}

/// The tuples of a binary COPY without its header and trailer (manual, "COPY", "Binary Format").
struct BinaryTuples {
  let fieldCount: Int
  let count: Int
  /// The first field of each tuple that is 8 bytes long: the time of a metric row.
  let times: [Timestamp]

  /// - Returns: nil if the bytes are not whole tuples with the same number of fields.
  init?(_ bytes: [UInt8]) {
    var position = 0
    func number(_ width: Int) -> Int? {
      guard position + width <= bytes.count else { return nil }
      defer { position += width }
      return bytes[position..<position + width].reduce(0) { $0 << 8 | Int($1) }
    }
    var times: [Timestamp] = []
    var (fieldCount, count) = (0, 0)
    while position < bytes.count {
      guard let fields = number(2), fields > 0, count == 0 || fields == fieldCount else { return nil }
      (fieldCount, count) = (fields, count + 1)
      for field in 0..<fields {
        guard let length = number(4) else { return nil }
        if length == 0xFFFF_FFFF { continue }
        guard position + length <= bytes.count else { return nil }
        let start = position
        if field == 0, length == 8, let word = number(8) {
          times.append(Timestamp(word: Int64(truncatingIfNeeded: word)))
        }
        position = start + length
      }
    }
    if count == 0 { return nil }
    self.fieldCount = fieldCount
    self.count = count
    self.times = times
  }
}
