// Generates the content of pushes from the declarations of the metrics, in the form of the stock collector's pushes.

internal import GeneratedPushes
internal import Protocol

/// A named selection of metrics.
enum PayloadProfile: String, Sendable, CaseIterable {
  /// All types, as a stock collector sends them.
  case mixed
  /// Only rows of `pg_stats_tables`.
  case tableStats = "table-stats"
  /// Only rows of `pg_query_stats`, which have the most columns and the longest texts.
  case queryStats = "query-stats"
  /// Only rows of `pg_log`.
  case logs

  /// The metric types, with only the fields of the profile.
  var types: [MetricType] {
    switch self {
    case .mixed: MetricCatalog.types
    case .tableStats: Self.type("pg_stats", keys: ["database", "tables"])
    case .queryStats: Self.type("pg_query_stats", keys: ["database", "queries"])
    case .logs: Self.types(named: ["pg_log"]) ?? []
    }
  }

  private static func type(_ name: String, keys: Set<String>) -> [MetricType] {
    MetricCatalog.types.filter { $0.name == name }.map { type in
      MetricType(type.name, type.summary, type.fields.filter { keys.contains($0.key) })
    }
  }

  /// - Returns: nil if a name belongs to no type.
  static func types(named names: [String]) -> [MetricType]? {
    let found = MetricCatalog.types.filter { names.contains($0.name) }
    return found.count == Set(names).count ? found : nil
  }
}

/// Generates templates.
struct PayloadGenerator: Sendable {
  var types: [MetricType]
  var shape: PushGenerator.Shape
  var seed: UInt64
  /// The value of `bench_run`, see `PushTemplate`.
  var run: String?

  /// The number of templates. A generated push costs far more than a copied one, so only a few are made. Their counters
  /// are a minute apart.
  static let templateCount = 8
  private static let epoch: Int64 = 1_700_000_000
  private static let largestScale = 1 << 20

  func templates() -> [PushTemplate] { (0..<Self.templateCount).map { template(minute: $0) } }

  private func template(minute: Int) -> PushTemplate {
    let json = PushGenerator(seed: seed, shape: shape, types: types).body(
      collectorID: "-", hostname: "-", unixSeconds: Self.epoch + Int64(minute) * 60)
    do {
      return try PushTemplate(json: json.span, run: run)
    } catch {
      preconditionFailure("the generator makes no push: \(error)")
    }
  }

  /// The number of rows of one push.
  var rows: Int { template(minute: 0).rows }

  /// Returns a generator of the same types whose pushes have as many rows as possible up to `rows`.
  /// - Returns: nil if the smallest shape has more rows.
  func scaled(toRows rows: Int) -> PayloadGenerator? {
    // The scale is found by doubling and halving. The rows of every table grow with the scale, though not at the same
    // rate.
    guard scaled(1).rows <= rows else { return nil }
    var low = 1
    var step = 1
    while low + step <= Self.largestScale, scaled(low + step).rows <= rows {
      low += step
      step *= 2
    }
    while step > 0 {
      if low + step <= Self.largestScale, scaled(low + step).rows <= rows { low += step } else { step /= 2 }
    }
    return scaled(low)
  }

  private func scaled(_ scale: Int) -> PayloadGenerator {
    var generator = self
    generator.shape.tables = scale
    generator.shape.queries = scale
    generator.shape.logLines = scale
    generator.shape.activity = max(1, scale / 5)
    return generator
  }
}
