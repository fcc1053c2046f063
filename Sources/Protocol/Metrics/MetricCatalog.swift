// All metric types that are stored in tables of their own. A new type is one more file in Catalog/ and one more line here.

/// The declared metric types.
public enum MetricCatalog {
  public static let types: [MetricType] = [
    .pgStats, .pgQueryStats, .sysstat, .diskUsage, .pgLog, .pgReplication, .pgSchema, .pgLocks, .pgBloat, .pgCache,
    .pgConnections, .pgExtensions,
  ]

  /// Every metric table, in a fixed order: its position is the table's index all over the server.
  public static let tables: [MetricTable] = types.flatMap(\.tables)

  /// The table of what no declaration knows: whole metrics of an unknown type, and unknown parts of known ones.
  public static let catchAllTable = "unknown_metrics"

  /// As queries see it. Its rows are what is left of metrics: nothing is declared to fill it.
  public static let catchAll = MetricTable(
    catchAllTable, "Metrics, and parts of metrics, that no declaration knows.", database: false, equals: .each,
    columns: [
      .text("metric_type", means: "The metric's `type`."),
      .json("payload", means: "The whole metric, or the part of it that no declaration knows."),
    ])
  public static let catchAllType = MetricType(catchAllTable, catchAll.summary, [.rows("", catchAll)])
}
