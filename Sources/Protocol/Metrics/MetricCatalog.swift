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
  /// Columns: time, server_id, metric_type text, payload jsonb.
  public static let catchAllTable = "unknown_metrics"
}
