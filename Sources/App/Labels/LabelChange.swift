// A change of labels: an object of texts, in which null removes a label (JSON Merge Patch, RFC 7396).

import Protocol

/// A change of the labels of servers. Labels that it does not name stay as they are.
struct LabelChange: Hashable, Sendable {
  /// The value that each named label gets; nil removes the label.
  let values: [String: String?]

  init(_ values: [String: String?] = [:]) { self.values = values }

  private var set: [(name: String, value: String)] {
    values.compactMap { name, value in value.map { (name, $0) } }.sorted { $0.name < $1.name }
  }

  private var removed: [String] { values.filter { $0.value == nil }.keys.sorted() }

  /// The change as the audit trail shows it, in the form of the request.
  var object: JSONObject {
    var object = JSONObject()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { object[name] = value.map { .string($0) } ?? .null }
    return object
  }

  /// Applies the change to some servers, all or nothing. Ids without a server are ignored.
  /// - Parameters:
  ///   - most: the setting `labels_per_server`.
  ///   - session: a transaction. It holds the lock of labels until its end.
  /// - Returns: the number of servers whose labels differ now.
  /// - Throws: `.validationFailed` if the change sets labels, and a server that it changes has more than `most` then.
  func apply(to servers: [Int32], most: Int, in session: DatabaseLease) async throws(Problem) -> Int {
    let (changed, overfull) = try await session.query { client throws(DatabaseError) -> (Int, Int32?) in
      try await client.execute(LabelStatements.lock)
      let present = try await client.rows(LabelStatements.servers, servers).map(\.value)
      let changed = try await client.rows(
        LabelStatements.change, present, removed, set.map(\.name), set.map(\.value))
      if set.isEmpty { return (changed.count, nil) }
      let overfull = try await client.one(LabelStatements.overfull, changed.map(\.value), Int64(most))?.value
      return (changed.count, overfull)
    }
    if let overfull {
      throw Problem(
        .validationFailed, "labels: server \(overfull) would have more than \(most) labels (`labels_per_server`)")
    }
    return changed
  }
}

extension FieldRule where Value == LabelChange {
  /// An object of labels and of nulls.
  static var labelChange: FieldRule {
    FieldRule(LabelRule.schema(isNullable: true), standIn: LabelChange()) { value, path, errors in
      LabelRule.read(value, path, &errors) { name, value, errors -> String?? in
        switch value {
        case .null: return .some(nil)
        case .string(let text) where LabelRule.isValue(text): return .some(text)
        case .bool, .integer, .double, .string, .array, .object:
          errors.add("\(path).\(name)", "\(LabelRule.valueSentence), or null")
          return nil
        }
      }.map { LabelChange($0) }
    }
  }
}
