// Indexes and bloat: indexes that are never used or that another index makes superfluous, and the space that tables waste.

import Protocol

enum IndexesRead: Question {
  static let read = Read(
    "getServerIndexes", "/api/v1/servers/{id:int}/indexes", about: .server,
    summary: "Unused and superfluous indexes of one server, and bloat, with the bytes to win.",
    description: """
      `data` has every index of the last lists (of `pg_stats`, `pg_schema` and `pg_bloat`). The collector sends at most 100 \
      indexes of a database in `pg_stats`; if a list is full, an index that it lacks still counts as existing.

      An index is unused if its number of scans never grew in the range, over all resets; `unused_since` is its first sample \
      in the range. Ask for a long range to find indexes that were never used. With one sample (`samples`) nothing is known yet.

      `covered_by` names another index of the same table with the same method and the same predicate that has the same columns \
      (`coverage` is `duplicate`), or that begins with the columns of this one (`prefix`; only btree). Unique indexes and \
      those of constraints are never covered. Of two equal indexes the one whose name comes later is covered. Definitions \
      come from `pg_schema`, which the collector cannot read on PostgreSQL 15 and later.

      `bytes_to_win` is the size of an index that is not unique, and unused or covered.

      `bloat` has the tables of the last `pg_bloat` lists. `bytes_to_win` is the share of the table's size that the collector \
      estimates to be wasted.
      """,
    span: .seconds(7 * 86_400), filters: [.database],
    parameters: [
      ReadParameter("unused", .flag, "true: only unused indexes; false: only those that were used."),
      ReadParameter("covered", .flag, "true: only covered indexes; false: only others."),
    ],
    sections: [indexes, bloat])

  private static let indexes = ReadSection(
    "data", "The indexes.", .list(by: "-bytes_to_win"),
    from: ["pg_stats_indexes", "pg_schema_indexes", "pg_bloat_indexes", "pg_schema_constraints"],
    ties: #"r.database, r.schema, r."table", r.name"#,
    columns: [
      .text("database", means: "The index's database.").sorted,
      .text("schema", means: "Schema of the index."),
      .text("table", means: "The table that is indexed.").sorted,
      .text("name", means: "Name of the index.").sorted,
      .total("size_bytes", "bytes", means: "Size of the index; null if no list has it.").sorted,
      .count("scans", means: "Scans that used the index, since its statistics were reset.").sorted,
      .total("scans_in_range", means: "Scans in the range; null with one sample.").sorted,
      .time(
        "unused_since", means: "The first sample of an index whose scans never grew in the range; null: it was used."
      )
      .sorted,
      .count("samples", means: "Samples of the number of scans in the range."),
      .flag("is_unique", means: "Whether the index permits no equal entries; null: unknown."),
      .flag("is_primary", means: "Whether it is the primary key's; null: unknown."),
      .text("definition", means: "The CREATE INDEX statement; null: unknown."),
      .text("covered_by", means: "The index that makes this one superfluous; null: none is known.").sorted,
      .text("coverage", means: "How it covers this one.", of: ["duplicate", "prefix"]),
      .total("bytes_to_win", "bytes", means: "Size of an index that could be dropped; else null.").sorted,
    ],
    sql: { IndexRows($0).sql })

  private static let bloat = ReadSection(
    "bloat", "The tables, the most bytes to win first.", .short, from: ["pg_bloat_tables", "pg_stats_tables"],
    ties: #"r.bytes_to_win DESC NULLS LAST, r.database, r.schema, r."table""#,
    columns: [
      .text("database", means: "The table's database."),
      .text("schema", means: "Schema of the table."),
      .text("table", means: "Name of the table."),
      .total("size_bytes", "bytes", means: "Size of the table; null: unknown."),
      .count("live_rows", "rows", means: "Estimated live rows."),
      .count("dead_rows", "rows", means: "Dead rows that vacuum has not removed yet."),
      .real("dead_percent", "percent", means: "Dead rows as a share of all rows."),
      .real("wasted_percent", "percent", means: "Share of the table's space that is estimated to be wasted."),
      .total("bytes_to_win", "bytes", means: "That share of the size; null: unknown."),
    ]
  ) { scope in
    """
    SELECT b.database, b.schema, b."table", b.size_bytes, b.live_tuples AS live_rows, b.dead_tuples AS dead_rows,
      b.dead_ratio_percent AS dead_percent, b.space_wasted_percent AS wasted_percent,
      CASE WHEN b.space_wasted_percent BETWEEN 0 AND 100
        THEN trunc(b.size_bytes * b.space_wasted_percent::numeric / 100) END AS bytes_to_win,
      b.time AS data_from, b.time AS data_until
    FROM (
      SELECT t.*, \(scope.text("t.database_id", of: "t")) AS database, o.key[1] AS schema, o.key[2] AS "table",
        coalesce(s.size_bytes, \(IndexRows.bytes("t.table_size"))) AS size_bytes
      FROM \(scope.latest("pg_bloat_tables")) t
      JOIN pganalytics.objects o ON o.server_id = t.server_id AND o.object_id = t.object_id
      LEFT JOIN (
        SELECT n.server_id, n.database_id, k.key, max(n.size_bytes) AS size_bytes
        FROM \(scope.latest("pg_stats_tables")) n
        JOIN pganalytics.objects k ON k.server_id = n.server_id AND k.object_id = n.object_id GROUP BY 1, 2, 3
      ) s ON s.server_id = t.server_id AND s.database_id = t.database_id AND s.key = o.key
      WHERE \(scope.isOfDatabase())
    ) b
    """
  }
}
