import Ground
import Protocol
import Testing

@testable import App

/// Unused and covered indexes, and bloat, equal what the pushed lists say.
@Suite struct IndexesReadTests {
  private struct Use {
    var first: Int64?
    var growth: Int64 = 0
    var samples: Int64 = 0
    var last: Int64 = 0

    mutating func add(_ scans: Int64, at time: Int64) {
      if first == nil { first = time } else { growth += scans < last ? scans : scans - last }
      last = scans
      samples += 1
    }
  }

  private func index(_ name: String, _ scans: Int64, size: Int64 = 8192) -> String {
    #"{"schema":"s","table":"t","name":"\#(name)","scans":\#(scans),"size_bytes":\#(size)}"#
  }

  private func stats(_ database: String, _ time: String, indexes: [String], size: Int = 1) -> String {
    #"{"type":"pg_stats","timestamp":"\#(time)","database":"\#(database)","size_bytes":\#(size),"tables":[],"#
      + #""indexes":[\#(indexes.joined(separator: ","))]}"#
  }

  private func definitions(_ time: String, _ lists: String) -> String {
    #"{"type":"pg_schema","timestamp":"\#(time)","databases":{"a":{\#(lists)}}}"#
  }

  @Test(arguments: TestCluster.storageKinds)
  func `an index is unused if its scans never grew, over resets and gaps, by rows and by roll-ups`(
    _ kind: StorageKind
  ) async throws {
    let bench = try await ObjectReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    var uses: [String: Use] = [:]
    var scans: [String: Int64] = [:]
    var metrics: [String] = []
    for minute in stride(from: Int64(7), to: 2900, by: 10) {
      for database in ["a", "b"] {
        if random.next(10) == 0 {
          metrics.append(stats(database, bench.time(minute * 60), indexes: [], size: 0))
          continue
        }
        let listed = (0..<6).map { number -> String in
          let key = "\(database)\(number)"
          var value = scans[key] ?? random.next(1000)
          if random.next(40) == 0 { value = 0 }  // a reset
          // The first two indexes are never used, and the third one only rarely.
          if number > 2 || number == 2 && random.next(100) == 0 { value += random.next(3) }
          scans[key] = value
          uses[key, default: Use()].add(value, at: minute * 60)
          return index("i\(number)", value)
        }
        metrics.append(stats(database, bench.time(minute * 60), indexes: listed))
      }
    }
    try await bench.push(metrics)
    let end = Int64(2900 * 60)
    let wanted = uses.map { key, use in
      let since = use.growth == 0 ? bench.time(use.first!) : "-"
      return "\(key.prefix(1))|i\(key.dropFirst())|\(use.last)|\(use.growth)|\(since)|\(use.samples)"
    }.sorted()
    #expect(wanted.contains { !$0.contains("|-|") } && wanted.contains { $0.contains("|-|") })
    func compare(byRollups isRolledUp: Bool) async throws {
      let source = try await bench.ask("indexes", to: end)["source"]?.text
      #expect((source == "1h") == isRolledUp)
      let found = try await bench.rows("indexes", to: end).map {
        $0.line(["database", "name", "scans", "scans_in_range", "unused_since", "samples"])
      }
      #expect(found.sorted() == wanted, "seed \(seed), roll-ups: \(isRolledUp)")
      let unused = try await bench.rows("indexes", "&unused=true&database=a", to: end).map {
        $0.line(["database", "name", "bytes_to_win"])
      }
      #expect(
        unused.sorted()
          == uses.filter { $0.key.hasPrefix("a") && $0.value.growth == 0 }.map { "a|i\($0.key.dropFirst())|8192" }
          .sorted())
    }
    try await compare(byRollups: false)
    #expect(try await bench.rollUp())
    try await compare(byRollups: true)
    await bench.server.stop()
  }

  @Test func `one sample tells nothing about the use, and an index that left a full list still exists`() async throws {
    let bench = try await ObjectReadBench(.plain)
    let many = (0..<100).map { index("many\($0)", 0) }
    try await bench.push([
      stats("a", bench.time(0), indexes: [index("one", 5)]), stats("b", bench.time(0), indexes: [index("gone", 5)]),
      stats("b", bench.time(600), indexes: [index("stays", 5)]), stats("a", bench.time(600), indexes: many),
    ])
    let rows = try await bench.rows("indexes", to: 700)
    let lines = Set(rows.map { $0.line(["database", "name", "scans", "unused_since", "samples", "bytes_to_win"]) })
    #expect(lines.contains("a|one|-|-|1|-"))
    #expect(lines.contains("b|stays|5|-|1|-"))
    #expect(rows.count == 102, "\(rows.count)")
    await bench.server.stop()
  }

  @Test(arguments: [
    ("(a)", "(a)", "duplicate"), ("(a)", "(a, b)", "prefix"), ("(a, b)", "(a)", nil), ("(a)", "(ab)", nil),
    ("(a)", "(a DESC)", nil), ("(lower(a))", "(lower(a), b)", "prefix"), ("(a) WHERE (b > 0)", "(a)", nil),
    ("(a) WHERE (b > 0)", "(a, c) WHERE (b > 0)", "prefix"), ("(a) WITH (fillfactor='70')", "(a)", "duplicate"),
    ("(a) INCLUDE (c)", "(a, b)", nil), ("(a)", "(a) INCLUDE (c)", "prefix"),
    ("((a ->> 'x, y'::text))", "((a ->> 'x, y'::text), b)", "prefix"),
  ])
  func `an index is covered by one that begins with its columns`(
    _ one: String, _ other: String, _ coverage: String?
  ) async throws {
    let bench = try await ObjectReadBench(.plain)
    func row(_ table: String, _ name: String, _ definition: String) -> String {
      #"{"schema":"s","table":"\#(table)","name":"\#(name)","definition":"\#(definition)","scans":1,"size":"16 kB"}"#
    }
    let rows = [
      row("t", "zz", "CREATE INDEX zz ON s.t USING btree \(one)"),
      row("t", "aa", "CREATE INDEX aa ON s.t USING btree \(other)"),
      // Another table, another method, a unique index and one of a constraint are not covered and cover nothing wrong.
      row("u", "other", "CREATE INDEX other ON s.u USING btree \(one)"),
      row("t", "hash", "CREATE INDEX hash ON s.t USING gin \(one)"),
      row("t", "unique", "CREATE UNIQUE INDEX \\\"unique\\\" ON s.t USING btree (zz)"),
      row("t", "unique2", "CREATE UNIQUE INDEX unique2 ON s.t USING btree (zz)"),
      row("t", "key", "CREATE INDEX key ON s.t USING btree (qq)"),
      row("t", "key2", "CREATE INDEX key2 ON s.t USING btree (qq, a)"),
    ]
    let key = #"{"schema":"s","table":"t","name":"key","type":"PRIMARY KEY","columns":"qq"}"#
    try await bench.push([
      definitions(
        bench.time(0), #""tables":[],"columns":[],"constraints":[\#(key)],"indexes":[\#(rows.joined(separator: ","))]"#)
    ])
    let found = try await bench.rows("indexes", "&covered=true", to: 60)
    let lines = found.map { $0.line(["table", "name", "covered_by", "coverage", "bytes_to_win"]) }
    #expect(lines.filter { !$0.contains("|aa|zz|prefix|") } == (coverage.map { ["t|zz|aa|\($0)|16384"] } ?? []))
    let all = try await bench.rows("indexes", to: 60)
    #expect(all.count == rows.count)
    #expect(all.first { $0["name"]?.text == "key" }?.line(["is_unique", "is_primary"]) == "true|true")
    #expect(all.first { $0["name"]?.text == "unique" }?.line(["is_unique", "is_primary"]) == "true|-")
    await bench.server.stop()
  }

  @Test func `bytes to win of a table are the wasted share of its size`() async throws {
    let bench = try await ObjectReadBench(.plain)
    func row(_ name: String, _ size: String, _ wasted: String) -> String {
      #"{"schema":"s","table":"\#(name)","dead_tuples":3,"live_tuples":9,"dead_ratio_percent":25.5,"table_size":"\#(size)","#
        + #""space_wasted_percent":\#(wasted)}"#
    }
    let rows = [
      row("sized", "16 MB", "25"), row("printed", "8192 bytes", "50"), row("odd", "unknown", "50"),
      row("huge", "1 kB", "1e300"), row("largest", "1 kB", "100"),
    ]
    try await bench.push([
      #"{"type":"pg_bloat","timestamp":"\#(bench.time(0))","databases":{"a":{"table_bloat":[\#(rows.joined(separator: ","))]}}}"#,
      #"{"type":"pg_stats","timestamp":"\#(bench.time(1))","database":"a","size_bytes":1,"indexes":[],"tables":["#
        + #"{"schema":"s","name":"sized","size_bytes":1000},"#
        + #"{"schema":"s","name":"largest","size_bytes":9223372036854775807}]}"#,
    ])
    let found = try await bench.ask("indexes", to: 60)["bloat"]?.elements ?? []
    #expect(
      found.map { $0.line(["database", "schema", "table", "size_bytes", "bytes_to_win", "dead_rows"]) } == [
        "a|s|largest|9223372036854775807|9223372036854775807|3", "a|s|printed|8192|4096|3", "a|s|sized|1000|250|3",
        "a|s|huge|1024|-|3", "a|s|odd|-|-|3",
      ])
    await bench.server.stop()
  }
}
