// The bodies for the measurement of stages: pushes with one kind of rows, as the stock collector writes them.

import GeneratedPushes
import Protocol

/// A push of `rows` rows of one table.
struct MicroBody {
  let name: String
  let json: [UInt8]
  let gzip: [UInt8]
  let rows: Int
  /// The number of values of a row.
  let values: Int

  /// The time of all bodies, 2026-11-22T19:33:04Z. The decoder accepts a window around it.
  static let unixSeconds: Int64 = 1_795_375_984
  static let timeWindow = (unixSeconds - 86_400) * 1_000_000...(unixSeconds + 86_400) * 1_000_000
  static let collectorID = "5cd3f9a0-0f6e-4a64-9d6c-0d4a3cfe2f11"

  /// A push of `pg_stats` with only its tables.
  static func tableStatistics(rows: Int) -> MicroBody {
    var shape = PushGenerator.Shape()
    shape.databases = 1
    shape.tables = rows
    return MicroBody("pg_stats_tables", of: "pg_stats", field: "tables", shape, rows: rows)
  }

  /// A push of `pg_query_stats`: 24 values per row, most of them numbers, and a text that is stored once.
  static func statements(rows: Int) -> MicroBody {
    var shape = PushGenerator.Shape()
    shape.databases = 1
    shape.queries = rows
    return MicroBody("pg_query_stats", of: "pg_query_stats", field: "queries", shape, rows: rows)
  }

  private init(_ name: String, of type: String, field: String, _ shape: PushGenerator.Shape, rows: Int) {
    guard let declared = MetricCatalog.types.first(where: { $0.name == type }) else {
      preconditionFailure("\(type) is not declared")
    }
    let fields = declared.fields.filter {
      if case .database = $0.rule { return true }
      return $0.key == field
    }
    let only = MetricType(declared.name, declared.summary, fields)
    let body = PushGenerator(seed: 1, shape: shape, types: [only])
      .body(collectorID: Self.collectorID, hostname: "db-1.example", unixSeconds: Self.unixSeconds)
    self.name = name
    self.rows = rows
    values = MetricCatalog.tables.first { $0.name == name }.map { $0.columns.count + $0.object.count } ?? 0
    json = body.withUnsafeBytes { Array($0) }
    var compressed = ByteBuffer()
    var deflater = GzipDeflater(level: 6)
    deflater.deflate(body.span, into: &compressed)
    gzip = compressed.withUnsafeBytes { Array($0) }
  }
}
