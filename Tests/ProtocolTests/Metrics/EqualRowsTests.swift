// Tests of rows in one list that have the same identity.

import Protocol
import Testing

@Suite struct EqualRowsTests {
  private func statements(_ rows: [String], second: Int = 4) -> String {
    #"{"database":"d","queries":[\#(rows.joined(separator: ","))],"timestamp":"2026-11-22T19:33:0\#(second)Z","type":"pg_query_stats"}"#
  }

  private func disks(_ rows: [String], second: Int = 4) -> String {
    #"{"filesystems":[\#(rows.joined(separator: ","))],"timestamp":"2026-11-22T19:33:0\#(second)Z","type":"disk_usage"}"#
  }

  private func integer(_ row: [String: CopyField], _ column: String) -> Int64? { (row[column] ?? nil)?.asInteger }
  private func real(_ row: [String: CopyField], _ column: String) -> Double? {
    integer(row, column).map { Double(bitPattern: UInt64(bitPattern: $0)) }
  }

  /// Three users ran one statement: 2 calls of 10 and 30 ms, 3 calls of 5 ms, 1 call of 100 ms.
  static let parts = [
    #"{"hash":7,"text":"first","calls":2,"rows":4,"total_time":40,"mean_time":20,"min_time":10,"max_time":30,"stddev_time":10,"wal_bytes":9223372036854775807}"#,
    #"{"hash":7,"text":"second","calls":3,"rows":1,"total_time":15,"mean_time":5,"min_time":5,"max_time":5,"stddev_time":0,"wal_bytes":1}"#,
    #"{"hash":7,"text":"third","calls":1,"rows":9,"total_time":100,"mean_time":100,"min_time":100,"max_time":100,"stddev_time":0,"wal_bytes":2}"#,
  ]

  @Test func `statements of one hash are added up`() throws {
    let others = (0..<97).map { #"{"hash":\#($0 + 100),"calls":1}"# }
    var list = others
    list.insert(Self.parts[0], at: 20)
    list.insert(Self.parts[1], at: 41)
    list.append(Self.parts[2])
    let push = decode(envelope([statements(list)]))
    #expect(push.summary.rows == 98 && push.summary.rowsAddedUp == 2 && push.summary.rowsRepeated == 0)
    #expect(push.summary.valuesNull == 0)
    let row = try #require(push.rows("pg_query_stats").first { integer($0, "hash") == 7 })
    #expect(integer(row, "statements") == 3)
    #expect(integer(row, "calls") == 6 && integer(row, "rows") == 14)
    #expect(real(row, "total_time") == 155 && real(row, "min_time") == 5 && real(row, "max_time") == 100)
    let samples: [Double] = [10, 30, 5, 5, 5, 100]
    let mean = samples.reduce(0, +) / 6
    let deviation = (samples.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 6).squareRoot()
    #expect(abs((real(row, "mean_time") ?? 0) - mean) < 1e-9)
    #expect(abs((real(row, "stddev_time") ?? 0) - deviation) < 1e-9)
    #expect(integer(row, "wal_bytes") == nil, "the sum is beyond an int8")
    #expect((row["wal_bytes_numeric"] ?? nil)?.isEmpty == false)
    let texts = push.rows("texts")
    let text = texts.first { integer($0, "text_id") == integer(row, "text_id") }
    #expect((text?["value"] ?? nil)?.asText == "first")
    // A row to which no other row was added counts as one statement.
    #expect(push.rows("pg_query_stats").filter { integer($0, "statements") == 1 }.count == 97)
  }

  @Test func `the order of the parts and the size of the window do not matter`() {
    let filler = (0..<60).map { #"{"hash":\#($0 + 100),"calls":null}"# }
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
      let rows = filler[..<30] + order.map { Self.parts[$0] } + filler[30...]
      let late = statements(Array(rows)).replacing(#""timestamp":"2026-11-22T19:33:04Z","#, with: "")
        .replacing(#""type""#, with: #""timestamp":"2026-11-22T19:33:04Z","type""#)
      let body = Array(envelope([late]).utf8)
      let whole = decode([body[...]])
      var limits = PushLimits()
      limits.windowBytes = 700
      #expect(decode(body.indices.map { body[$0...$0] }, limits: limits) == whole)
      let sum = whole.rows("pg_query_stats").first { integer($0, "hash") == 7 } ?? [:]
      #expect(integer(sum, "calls") == 6 && integer(sum, "statements") == 3 && real(sum, "total_time") == 155)
    }
  }

  @Test func `a column that one part lacks is missing in the sum, and so is a sum beyond its column`() {
    let push = decode(
      envelope([
        statements([
          #"{"hash":7,"calls":9223372036854775807,"rows":1,"new":1}"#, #"{"hash":7,"calls":1,"new":2}"#,
          #"{"hash":7,"calls":1,"rows":5}"#,
        ])
      ]))
    let row = push.rows("pg_query_stats").first ?? [:]
    #expect(integer(row, "calls") == nil && integer(row, "rows") == nil && integer(row, "statements") == 3)
    #expect((row["extra"] ?? nil)?.asText == "\u{1}" + #"{"new":1}"#)
    #expect(push.summary.altered.map(\.path) == ["queries[1].calls"])
  }

  @Test func `ids in the push distinguish statements`() {
    let push = decode(
      envelope([
        statements([
          #"{"hash":7,"userid":10,"dbid":5,"toplevel":true,"calls":1}"#,
          #"{"hash":7,"userid":11,"dbid":5,"toplevel":true,"calls":2}"#,
          #"{"hash":7,"userid":10,"dbid":6,"toplevel":true,"calls":3}"#,
          #"{"hash":7,"userid":10,"dbid":5,"toplevel":false,"calls":4}"#, #"{"hash":7,"calls":5}"#,
        ])
      ]))
    #expect(push.summary.rows == 5 && push.summary.rowsAddedUp == 0)
    #expect(push.rows("pg_query_stats").map { integer($0, "calls") } == [1, 2, 3, 4, 5])
  }

  @Test func `a later round of the same second repeats the sum and adds nothing to it`() {
    let push = decode(envelope([statements(Self.parts), statements(Self.parts), statements(Self.parts, second: 5)]))
    #expect(push.summary.rows == 2 && push.summary.rowsRepeated == 1 && push.summary.rowsAddedUp == 6)
    #expect(push.rows("pg_query_stats").map { integer($0, "calls") } == [6, 6])
  }

  @Test func `file systems of one name are distinguished by their place`() {
    let tmpfs = [1, 2, 2].map { #"{"device":"tmpfs","mount":"","used_gb":\#($0)}"# }
    let push = decode(envelope([disks(tmpfs), disks(tmpfs), disks(tmpfs, second: 5)]))
    #expect(push.summary.rows == 6 && push.summary.rowsRepeated == 3)
    let rows = push.rows("disk_usage")
    let objects = rows.map { integer($0, "object_id") }
    #expect(Set(objects).count == 3 && objects[..<3] == objects[3...])
    #expect(push.rows("objects").map { ($0["name"] ?? nil)?.asText } == ["tmpfs.", "tmpfs.#2", "tmpfs.#3"])
    #expect(objects[..<3].compactMap { $0 } == ["tmpfs.", "tmpfs.#2", "tmpfs.#3"].flatMap(ids))
  }

  private func ids(_ name: String) -> [Int64] {
    ObjectName.ids(name, in: MetricCatalog.tables.first { $0.name == "disk_usage" }!)
  }

  @Test func `locks and log lines are each kept`() {
    let locks = #"{"pid":1,"locktype":"relation","mode":"X","granted":true}"#
    let lines = #"{"level":"LOG","message":"again"}"#
    let push = decode(
      envelope([
        #"{"databases":{"a":{"active_locks":[\#(locks),\#(locks)]}},"timestamp":"2026-11-22T19:33:04Z","type":"pg_locks"}"#,
        #"{"database":"d","entries":[\#(lines),\#(lines),\#(lines)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#,
      ]))
    #expect(push.rows("pg_locks").count == 2 && push.rows("pg_log").count == 3 && push.summary.rowsRepeated == 0)
  }

  @Test func `every object has a name of its own and is found by it`() {
    let names = [("a.b", "c"), ("a", "b.c"), ("a", "b"), (#"a"b"#, "#2"), ("", ""), ("#", "."), ("tmpfs", "")]
    let rows = names.map { #"{"device":"\#($0.0.replacing("\"", with: "\\\""))","mount":"\#($0.1)"}"# }
    let push = decode(envelope([disks(rows)]))
    let objects = push.rows("objects")
    let stored = objects.compactMap { ($0["name"] ?? nil)?.asText }
    #expect(Set(stored).count == names.count)
    #expect(stored.prefix(4) == [#""a.b".c"#, #"a."b.c""#, "a.b", ##""a""b"."#2""##])
    for (name, object) in zip(stored, objects) {
      #expect(ids(name) == [integer(object, "object_id") ?? 0], "\(name)")
    }
    // A name from elsewhere may lack the quotes, so it may mean either object.
    #expect(Set(ids("a.b.c")) == Set([#""a.b".c"#, #"a."b.c""#].flatMap(ids)))
  }
}
