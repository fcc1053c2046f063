import Ground
import Protocol
import Testing

@testable import App

/// The changes of schemas equal those that a walk over the pushed lists finds.
@Suite struct ChangesReadTests {
  private enum Source: String, CaseIterable {
    case tables, columns, constraints
    case foreignKeys = "foreign_keys"
    case indexes, triggers, extensions
    case statTables, statIndexes

    var kind: String {
      switch self {
      case .tables, .statTables: "table"
      case .columns: "column"
      case .constraints: "constraint"
      case .foreignKeys: "foreign_key"
      case .indexes, .statIndexes: "index"
      case .triggers: "trigger"
      case .extensions: "extension"
      }
    }

    var isOfStats: Bool { self == .statTables || self == .statIndexes }
    var isOfSchema: Bool { !isOfStats && self != .extensions }

    static let types = ["CHECK", "PRIMARY KEY", "FOREIGN KEY"]

    /// An object's name, its rows in a list, and its text in the answer.
    func object(_ name: String, _ variant: Int) -> (name: String, rows: [String], text: String) {
      let table = #"{"schema":"s","table":"t","name":"\#(name)","#
      let inTable = "s.t.\(name)"
      switch self {
      case .tables:
        let type = variant == 0 ? "BASE TABLE" : "VIEW"
        return ("s.\(name)", [#"{"schema":"s","name":"\#(name)","type":"\#(type)"}"#], type)
      case .columns:
        let (type, text) =
          variant == 0 ? ("integer", "integer NOT NULL, position 3") : ("text", "text DEFAULT 'a', position 3")
        return (
          inTable,
          [
            table
              + #""data_type":"\#(type)","is_nullable":\#(variant > 0),"default":"\#(variant > 0 ? "'a'" : "")","position":3}"#
          ],
          text
        )
      case .constraints:
        let type = Self.types[variant]
        return (inTable, [table + #""type":"\#(type)","columns":"a"}"#], "\(type) (a)")
      case .foreignKeys:
        return (
          inTable,
          [
            #"{"schema":"s","table":"t","column":"\#(name)","referenced_schema":"s","referenced_table":"r\#(variant)","#
              + #""referenced_column":"id","update_rule":"CASCADE","delete_rule":"NO ACTION"}"#
          ],
          "REFERENCES s.r\(variant) (id) ON UPDATE CASCADE ON DELETE NO ACTION"
        )
      case .indexes:
        let definition = "CREATE INDEX \(name) ON s.t USING btree (c\(variant))"
        return (inTable, [table + #""definition":"\#(definition)","is_primary":false,"is_unique":false}"#], definition)
      case .triggers:
        let events = ["INSERT", "UPDATE"].prefix(variant + 1)
        let rows = events.map { event in
          table
            + #""event":"\#(event)","table_schema":"s","timing":"BEFORE","orientation":"ROW","statement":"EXECUTE f()"}"#
        }
        return (inTable, rows, events.map { "BEFORE \($0) FOR EACH ROW EXECUTE f()" }.joined(separator: "; "))
      case .extensions:
        return (
          name,
          [
            #"{"name":"\#(name)","version":"1.\#(variant)","owner":"o","schema":"s","description":"d","relocatable":false}"#
          ],
          "version 1.\(variant), owner o, schema s"
        )
      case .statTables: return ("s.\(name)", [#"{"schema":"s","name":"\#(name)","live_tuples":1}"#], "-")
      case .statIndexes: return (inTable, [table + #""scans":1}"#], "-")
      }
    }

    var variants: Int { self == .constraints ? 3 : self.isOfStats ? 1 : 2 }
  }

  /// The lists of one time and database: the variant of each object.
  private struct Sample {
    let time: String
    let database: String
    var isAway = false
    /// A list that is missing here was sent empty.
    var lists: [Source: [String: Int]] = [:]

    var metrics: [String] {
      func list(_ source: Source) -> String {
        "[" + (lists[source] ?? [:]).flatMap { source.object($0.key, $0.value).rows }.joined(separator: ",") + "]"
      }
      let schema = Source.allCases.filter(\.isOfSchema).map { #""\#($0.rawValue)":\#(list($0))"# }.joined(
        separator: ",")
      let size = isAway ? 0 : 8192
      return [
        #"{"type":"pg_stats","timestamp":"\#(time)","database":"\#(database)","size_bytes":\#(size),"#
          + #""transactions_committed":0,"tables":\#(list(.statTables)),"indexes":\#(list(.statIndexes))}"#,
        #"{"type":"pg_schema","timestamp":"\#(time)","databases":{"\#(database)":{\#(schema)}}}"#,
        #"{"type":"pg_extensions","timestamp":"\#(time)","databases":{"\#(database)":{"extensions":\#(list(.extensions))}}}"#,
      ]
    }
  }

  /// Databases `a` and `b` have all lists, `c` only those of `pg_stats`, near their cap, and extensions.
  private func samples(_ bench: ObjectReadBench, _ random: inout RollupTests.SplitMix) -> [Sample] {
    var states: [String: [Source: [String: Int]]] = [:]
    var samples: [Sample] = []
    for number in 0..<30 {
      for database in ["a", "b", "c"] {
        var sample = Sample(time: bench.time(Int64(number) * 7200), database: database)
        if random.next(8) == 0 {
          sample.isAway = true
          samples.append(sample)
          continue
        }
        for source in Source.allCases where database != "c" || !source.isOfSchema {
          var state = states[database]?[source] ?? (source == .statTables && database == "c" ? Self.many : [:])
          for _ in 0...random.next(3) {
            // A renamed object vanishes under one name and appears under another.
            let name = "o\(random.next(7))"
            if random.next(2) == 0 {
              state[name] = Int(random.next(UInt64(source.variants)))
            } else {
              state[name] = nil
            }
          }
          if source == .statTables && database == "c" {
            for _ in 0..<random.next(4) { state["many\(random.next(104))"] = 0 }
            for _ in 0..<random.next(3) { state["many\(random.next(104))"] = nil }
          }
          states[database, default: [:]][source] = state
          if random.next(15) == 0 { continue }
          var listed = state
          if source.isOfStats {
            // The collector leaves out what exceeds 100; here, other objects each time.
            while listed.count > 100 { listed[listed.keys.sorted()[Int(random.next(UInt64(listed.count)))]] = nil }
          }
          sample.lists[source] = listed
        }
        samples.append(sample)
      }
    }
    return samples
  }

  private static let many = Dictionary(uniqueKeysWithValues: (0..<95).map { ("many\($0)", 0) })

  /// The changes that a walk over the lists of each object finds.
  private func walked(_ samples: [Sample]) -> [String] {
    var changes: [String] = []
    for database in Set(samples.map(\.database)) {
      let own = samples.filter { $0.database == database }
      for source in Source.allCases {
        let replaced: Source = source == .statIndexes ? .indexes : .tables
        if source.isOfStats, own.contains(where: { !($0.lists[replaced] ?? [:]).isEmpty }) { continue }
        for name in Set(own.flatMap { ($0.lists[source] ?? [:]).keys }) {
          changes += walked(source, name, own)
        }
      }
    }
    return changes.sorted()
  }

  private func walked(_ source: Source, _ name: String, _ samples: [Sample]) -> [String] {
    var changes: [String] = []
    var before: (variant: Int, time: String)?
    var isKnownAbsent = false
    var lastComplete: String?
    for sample in samples {
      let list = sample.lists[source] ?? [:]
      var isComplete = true
      switch source {
      case .tables, .columns, .extensions: if list.isEmpty { continue }
      case .constraints, .foreignKeys, .indexes, .triggers:
        let constraints = Set((sample.lists[.constraints] ?? [:]).values)
        let isContradicted =
          source == .indexes && constraints.contains(1) || source == .foreignKeys && constraints.contains(2)
        if list.isEmpty, isContradicted || (sample.lists[.tables] ?? [:]).isEmpty { continue }
      case .statTables, .statIndexes:
        if sample.isAway { continue }
        isComplete = list.count < 100
      }
      func add(_ change: String, since: String?, _ old: Int?, _ new: Int?) {
        let texts = [old, new].map { $0.map { source.object(name, $0).text } ?? "-" }.joined(separator: "|")
        changes.append(
          "\(sample.time)|\(since ?? "?")|\(change)|\(source.kind)|\(sample.database)|\(source.object(name, 0).name)|\(texts)"
        )
      }
      if let variant = list[name] {
        if let before, before.variant != variant { add("changed", since: before.time, before.variant, variant) }
        if before == nil, isKnownAbsent { add("appeared", since: lastComplete, nil, variant) }
        before = (variant, sample.time)
        isKnownAbsent = false
      } else if isComplete {
        if let before { add("vanished", since: before.time, before.variant, nil) }
        before = nil
        isKnownAbsent = true
      }
      if isComplete { lastComplete = sample.time }
    }
    return changes
  }

  private static let columns = ["time", "since", "change", "kind", "database", "object", "before", "after"]

  @Test(arguments: TestCluster.storageKinds)
  func `changes are those between the complete lists of each database`(_ kind: StorageKind) async throws {
    let bench = try await ObjectReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    let samples = samples(bench, &random)
    try await bench.push(samples.flatMap(\.metrics))

    let wanted = walked(samples)
    #expect(Set(wanted.map { $0.split(separator: "|")[2] }).count == 3)
    let rows = try await bench.rows("changes")
    let found = rows.map { $0.line(Self.columns) }
    #expect(found.sorted() == wanted, "seed \(seed): \(Set(found).symmetricDifference(wanted).sorted().prefix(6))")
    #expect(rows.map { $0["time"]?.text ?? "" } == rows.map { $0["time"]?.text ?? "" }.sorted(by: >))

    let some = try await bench.rows("changes", "&database=a&kind=index")
    #expect(some.map { $0.line(Self.columns) }.sorted() == wanted.filter { $0.contains("|index|a|") })
    // The first list of a shorter range is its base line.
    let later = samples.filter { $0.time >= bench.time(72_000) && $0.time < bench.time(144_000) }
    let part = try await bench.rows("changes", from: 72_000, to: 144_000)
    #expect(part.map { $0.line(Self.columns) }.sorted() == walked(later), "seed \(seed)")
    await bench.server.stop()
  }

  @Test func `the last object of a kind vanishes, and a database that is away loses nothing`() async throws {
    let bench = try await ObjectReadBench(.plain)
    let all = Dictionary(uniqueKeysWithValues: Source.allCases.map { ($0, ["x": 0]) })
    var samples = [Sample(time: bench.time(0), database: "a", lists: all)]
    samples.append(Sample(time: bench.time(600), database: "a", isAway: true))
    samples.append(
      Sample(time: bench.time(1200), database: "a", lists: all.filter { $0.key != .triggers && $0.key != .indexes }))
    try await bench.push(samples.flatMap(\.metrics))
    let found = try await bench.rows("changes").map { $0.line(["time", "since", "change", "kind", "before"]) }
    #expect(
      found == [
        "\(bench.time(1200))|\(bench.time(0))|vanished|index|CREATE INDEX x ON s.t USING btree (c0)",
        "\(bench.time(1200))|\(bench.time(0))|vanished|trigger|BEFORE INSERT FOR EACH ROW EXECUTE f()",
      ])
    await bench.server.stop()
  }
}
