// The message of a writer as the model reads it, and the data of its COPYs.

import Protocol

@testable import App

/// One message of a writer and the transaction that it is.
final class ModelTransaction {
  struct Entry {
    let id: UUID
    let serverID: Int32
    let day: Int32?
    let isDated: Bool
    let head: Int64
    let metrics: Int
    let chain: [UInt8]
    let key: UUID?
  }

  enum Statement: Equatable {
    case locks
    /// For pushes of one day.
    case quick(Int32?)
    case careful(Int32?)
    case logEnds
    /// Into a copy target.
    case copy(Int)
    /// Moves staged names, or notes missing roll-ups.
    case other
  }

  let statements: [Statement]
  /// The entries of the quick and of the careful statements.
  private(set) var quick: [Entry] = []
  private(set) var careful: [Entry] = []
  /// Servers whose locks the transaction asks for, and servers whose locks it holds.
  private(set) var servers: [Int32] = []
  var held: Set<Int32> = []
  /// Entries that the ledger took, each with the number of its metrics that are stored already.
  var new: [(entry: Entry, begun: Int)] = []
  /// Idempotency keys that the transaction enters.
  var keys: [(serverID: Int32, key: UUID, id: UUID)] = []
  /// The ends of the log lists of its pushes.
  private(set) var logEnds: [(id: UUID, serverID: Int32, database: UInt64, end: [UInt8])] = []
  /// The data of each COPY, by target.
  var data: [Int: [UInt8]] = [:]

  /// Whether the transaction has rows for the target.
  func brings(_ target: Int) -> Bool { data[target].map { $0.count > 21 } ?? false }
  /// The transaction of another server, with one push.
  init(_ entry: Entry) {
    statements = []
    careful = [entry]
    servers = [entry.serverID]
  }

  /// - Returns: nil if the model does not know such a message.
  init?(_ message: String, _ catalog: CompiledCatalog) {
    var statements: [Statement] = []
    for statement in message.split(separator: ";") {
      if statement.hasPrefix("EXECUTE push_locks(") {
        servers = Self.arrays(in: statement).first?.compactMap { Int32($0) } ?? []
        statements.append(.locks)
      } else if statement.hasPrefix("EXECUTE push_quick(") {
        guard let entries = Self.entries(of: statement) else { return nil }
        quick += entries
        statements.append(.quick(entries.first?.day))
      } else if statement.hasPrefix("EXECUTE push_careful(") {
        guard let entries = Self.entries(of: statement) else { return nil }
        careful += entries
        statements.append(.careful(entries.first?.day))
      } else if statement.hasPrefix("EXECUTE push_log_ends(") {
        guard let ends = Self.logEnds(of: statement) else { return nil }
        logEnds += ends
        statements.append(.logEnds)
      } else if statement.hasPrefix("COPY staging_texts") {
        statements.append(.copy(catalog.textsTarget))
      } else if statement.hasPrefix("COPY staging_objects") {
        statements.append(.copy(catalog.objectsTarget))
      } else if statement.hasPrefix("COPY metrics.\"") {
        let table = statement.dropFirst(14).prefix { $0 != "\"" }
        guard let target = catalog.targets.first(where: { $0.table == table }) else { return nil }
        statements.append(.copy(target.index))
      } else if statement.hasPrefix("INSERT INTO pganalytics.") {
        statements.append(.other)
      } else {
        return nil
      }
    }
    self.statements = statements
    let entries = quick + careful
    guard statements.first == .locks, !entries.isEmpty, Set(entries.map(\.id)).count == entries.count,
      Set(servers) == Set(entries.map(\.serverID)), quick.allSatisfy({ $0.day != nil })
    else { return nil }
  }

  /// The elements of the array literals of a statement.
  private static func arrays(in statement: Substring) -> [[Substring]] {
    statement.split(separator: "'{").dropFirst().map {
      $0.split(separator: "}'", maxSplits: 1)[0].split(separator: ",")
    }
  }

  private static func entries(of statement: Substring) -> [Entry]? {
    let columns = arrays(in: statement)
    let day = statement.split(separator: "date '2000-01-01'+(", maxSplits: 1).dropFirst().first
      .flatMap { Int32($0.prefix { $0 != ")" }) }
    guard columns.count == 5 || columns.count == 7, columns.allSatisfy({ $0.count == columns[0].count }) else {
      return nil
    }
    var entries: [Entry] = []
    for row in columns[0].indices {
      let chainText = columns[4][row]
      guard let id = UUID(String(columns[0][row])), let serverID = Int32(columns[1][row]),
        let head = Int64(columns[2][row]), let metrics = Int(columns[3][row]),
        let chain = hex(chainText == "NULL" ? "" : chainText.dropFirst(4).dropLast()),
        chain.count == max(0, metrics - 2) * 8
      else { return nil }
      entries.append(
        Entry(
          id: id, serverID: serverID, day: day, isDated: columns.count == 5 || columns[5][row] == "true", head: head,
          metrics: metrics, chain: chain, key: columns.count == 5 ? nil : UUID(String(columns[6][row]))))
    }
    return entries
  }

  private static func logEnds(of statement: Substring) -> [(id: UUID, serverID: Int32, database: UInt64, end: [UInt8])]?
  {
    let columns = arrays(in: statement)
    guard columns.count == 6, columns.allSatisfy({ $0.count == columns[0].count }) else { return nil }
    var ends: [(id: UUID, serverID: Int32, database: UInt64, end: [UInt8])] = []
    for row in columns[0].indices {
      guard let id = UUID(String(columns[0][row])), let serverID = Int32(columns[1][row]),
        let database = Int64(columns[4][row]), let end = hex(columns[5][row].dropFirst(4).dropLast())
      else { return nil }
      ends.append((id, serverID, UInt64(bitPattern: database), end))
    }
    return ends
  }

  private static func hex(_ text: Substring) -> [UInt8]? {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
  }
}

/// A tuple of a binary COPY: its bytes, and its fields in them.
struct ModelTuple {
  let range: Range<Int>
  /// Nil stands for NULL.
  let fields: [Range<Int>?]

  /// All tuples of a whole COPY, with header and trailer checked. - Returns: nil if PostgreSQL would refuse the data.
  static func all(of copy: [UInt8], fieldCount: Int) -> [ModelTuple]? {
    guard copy.count >= 21, Array(copy[..<19]) == PostgresBinary.copyHeader, Array(copy.suffix(2)) == [0xFF, 0xFF]
    else {
      return nil
    }
    var tuples: [ModelTuple] = []
    var position = 19
    let end = copy.count - 2
    while position < end {
      let start = position
      guard position + 2 <= end, Int(copy[position]) << 8 | Int(copy[position + 1]) == fieldCount else { return nil }
      position += 2
      var fields: [Range<Int>?] = []
      for _ in 0..<fieldCount {
        guard position + 4 <= end else { return nil }
        let length = integer(copy, position..<position + 4)
        position += 4
        if length == -1 {
          fields.append(nil)
          continue
        }
        guard length >= 0, position + Int(length) <= end else { return nil }
        fields.append(position..<position + Int(length))
        position += Int(length)
      }
      tuples.append(ModelTuple(range: start..<position, fields: fields))
    }
    return tuples
  }

  /// A signed number in network order, of 4 or 8 bytes.
  static func integer(_ bytes: [UInt8], _ range: Range<Int>) -> Int64 {
    var value: Int64 = range.isEmpty || bytes[range.lowerBound] < 0x80 ? 0 : -1
    for index in range { value = value << 8 | Int64(bytes[index]) }
    return value
  }
}
