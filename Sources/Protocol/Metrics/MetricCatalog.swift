// All metric types that have tables of their own. A new type needs one more file in Catalog/ and one more line here.

/// The declared metric types.
public enum MetricCatalog {
  /// All types, in a fixed order.
  public static let types: [MetricType] = [
    .pgStats, .pgQueryStats, .sysstat, .diskUsage, .pgLog, .pgReplication, .pgSchema, .pgLocks, .pgBloat, .pgCache,
    .pgConnections, .pgExtensions,
  ]

  /// All metric tables, in a fixed order. A table's position here is its index everywhere in the program.
  public static let tables: [MetricTable] = types.flatMap(\.tables)

  /// The name of the table for undeclared data: whole metrics of an unknown type, and unknown parts of known metrics.
  public static let catchAllTable = "unknown_metrics"

  /// The same table as queries see it. No declaration fills it; its rows are the undeclared parts of metrics.
  public static let catchAll = MetricTable(
    catchAllTable, "Metrics, and parts of metrics, that no declaration knows.", database: false, equals: .each,
    columns: [
      .text("metric_type", means: "The metric's `type`."),
      .json("payload", means: "The whole metric, or the part of it that no declaration knows."),
    ])
  /// A type that offers the table to queries.
  public static let catchAllType = MetricType(catchAllTable, catchAll.summary, [.rows("", catchAll)])
}
