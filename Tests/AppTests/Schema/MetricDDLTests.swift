import Testing

@testable import App
@testable import Protocol

@Suite struct MetricDDLTests {
  private func stored(_ name: String) throws -> StoredTable {
    try #require(StoredTable.all.first { $0.name == name })
  }

  @Test func `every declared table and the catch-all table are stored once`() {
    #expect(StoredTable.all.count == MetricCatalog.tables.count + 1)
    #expect(Set(StoredTable.all.map(\.name)).count == StoredTable.all.count)
    for table in StoredTable.all {
      #expect(Set(table.columns.map(\.name)).count == table.columns.count, "\(table.name)")
      #expect((table.name + "_p20260101").utf8.count < 64, "\(table.name): a partition's name would be cut")
    }
  }

  @Test func `each view has every column once`() {
    for table in StoredTable.all {
      let columns = NamedView(table).columns
      #expect(Set(columns).count == columns.count, "\(table.name)")
    }
  }

  @Test func `every view names the metric's database column database and renames a column that clashes`() throws {
    #expect(NamedView(try stored("pg_stats")).columns.contains("database"))
    let locks = NamedView(try stored("pg_locks"))
    #expect(locks.columns.contains("database") && locks.columns.contains("lock_database"))
    #expect(locks.query.contains(#"m."database" AS "lock_database""#))
    #expect(locks.query.contains(#"d.value AS "database""#))
  }

  @Test func `a view resolves objects key by key and texts by their ids`() throws {
    let indexes = NamedView(try stored("pg_stats_indexes"))
    #expect(indexes.query.contains(#"o.key[1] AS "schema""#))
    #expect(indexes.query.contains(#"o.key[3] AS "name""#))
    #expect(NamedView(try stored("pg_log")).query.contains(#"text_id = m."message_id""#))
  }

  @Test func `names and literals are quoted`() {
    #expect(quotedIdentifier(#"a"b"#) == #""a""b""#)
    #expect(quotedLiteral("a'b") == "'a''b'")
  }

  @Test func `the comment of a view changes with its query and only then`() throws {
    let first = NamedView(try stored("pg_stats"))
    #expect(first.comment == NamedView(try stored("pg_stats")).comment)
    let narrower = MetricTable("pg_stats", "x", database: true, equals: .each, columns: [.count("size_bytes", .bytes)])
    let catalog = CompiledCatalog(types: [MetricType("pg_stats", "x", [.rows("rows", narrower)])])
    let other = StoredTable.tables(of: catalog, declared: [narrower])[0]
    #expect(NamedView(other).comment != first.comment)
  }
}
