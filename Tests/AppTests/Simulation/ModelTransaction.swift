// The writer's message as the model reads it, and what its COPYs bring.

import Protocol

@testable import App

/// One message of a writer and the transaction that it is.
final class ModelTransaction {
  struct Entry {
    let id: UUID
    let day: Int32
    let serverID: Int32
  }

  enum Statement: Equatable {
    case ledger
    /// Into a copy target.
    case copy(Int)
    /// Moves staged names, or notes what roll-ups lack.
    case other
  }

  let entries: [Entry]
  let statements: [Statement]
  /// Entries that the ledger took, in its order.
  var new: [Entry] = []
  /// What each COPY brought, by target.
  var data: [Int: [UInt8]] = [:]

  /// Whether it has rows for the target.
  func brings(_ target: Int) -> Bool { data[target].map { $0.count > 21 } ?? false }

  /// - Returns: nil if the model does not know such a message.
  init?(_ message: String, _ catalog: CompiledCatalog) {
    var entries: [Entry] = []
    var statements: [Statement] = []
    for statement in message.split(separator: ";") {
      if statement.hasPrefix("INSERT INTO pganalytics.ingest_ledger(day,push_id,server_id) VALUES ") {
        guard statements.isEmpty, statement.hasSuffix(" ON CONFLICT DO NOTHING RETURNING push_id") else { return nil }
        for row in statement.split(separator: "(").dropFirst(2) {
          let fields = row.split(separator: ",", omittingEmptySubsequences: false)
          guard fields.count >= 3, fields[0].hasPrefix("date '2000-01-01'+"), let day = Int32(fields[0].dropFirst(18)),
            let id = UUID(String(fields[1].dropFirst().dropLast())),
            let serverID = Int32(fields[2].prefix { $0.isNumber })
          else { return nil }
          entries.append(Entry(id: id, day: day, serverID: serverID))
        }
        statements.append(.ledger)
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
    guard statements.first == .ledger, !entries.isEmpty, zip(entries, entries.dropFirst()).allSatisfy({ $0.id < $1.id })
    else { return nil }
    self.entries = entries
    self.statements = statements
  }
}

/// A tuple of a binary COPY: its bytes, and its fields in them.
struct ModelTuple {
  let range: Range<Int>
  /// Nil: NULL.
  let fields: [Range<Int>?]

  /// The tuples of a whole COPY, header and trailer checked. - Returns: nil if PostgreSQL would refuse it.
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
