// The ledger of the model. It follows the rules of the statements of `PushLedger` in a second implementation.

import Protocol

@testable import App

struct ModelLedger {
  struct Stored {
    let entry: ModelTransaction.Entry
    let isParked: Bool
  }

  struct Key: Hashable {
    let serverID: Int32
    let key: UUID
  }

  enum Verdict: Equatable {
    case new(begun: Int)
    case known, reused
  }

  private(set) var pushes: [UUID: Stored] = [:]
  private(set) var keys: [Key: UUID] = [:]

  subscript(id: UUID) -> Stored? { pushes[id] }

  mutating func insert(_ entry: ModelTransaction.Entry, isParked: Bool) {
    pushes[entry.id] = Stored(entry: entry, isParked: isParked)
  }

  mutating func insert(key: UUID, of serverID: Int32, for id: UUID) { keys[Key(serverID: serverID, key: key)] = id }

  /// The entries that begin with the same metric, as far as a statement would find them.
  func relatives(of entry: ModelTransaction.Entry) -> [ModelTransaction.Entry] {
    pushes.values.map(\.entry).filter {
      $0.serverID == entry.serverID && $0.head == entry.head && (!$0.isDated || $0.day == entry.day)
    }
  }

  func judge(_ entry: ModelTransaction.Entry) -> Verdict {
    if let key = entry.key, let used = keys[Key(serverID: entry.serverID, key: key)] {
      return used == entry.id ? .known : .reused
    }
    var begun: ModelTransaction.Entry?
    for other in relatives(of: entry) {
      if other.id == entry.id || Self.begins(other, with: entry) { return .known }
      if Self.begins(entry, with: other), other.metrics > begun?.metrics ?? 0 { begun = other }
    }
    return .new(begun: begun?.metrics ?? 0)
  }

  private static func begins(_ longer: ModelTransaction.Entry, with shorter: ModelTransaction.Entry) -> Bool {
    if longer.metrics <= shorter.metrics { return false }
    if shorter.metrics == 1 { return true }
    let start = 8 * (shorter.metrics - 2)
    return Array(longer.chain[start..<start + 8]) == Array(shorter.id.bytes.prefix(8))
  }
}
