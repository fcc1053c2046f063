// What the pushes are made of: generated from the declarations of the metrics themselves, in the shape of what stock
// collectors send.

internal import GeneratedPushes
internal import Protocol

/// A named mixture of metrics.
enum PayloadProfile: String, Sendable, CaseIterable {
  /// All types, as a stock collector sends them.
  case mixed
  /// Rows of `pg_stats_tables` and nothing else.
  case tableStats = "table-stats"
  /// Rows of `pg_query_stats` and nothing else: the widest, with the longest texts.
  case queryStats = "query-stats"
  /// Rows of `pg_log` and nothing else.
  case logs

  /// The types, cut down to the fields the profile wants.
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

  /// - Returns: nil if a name is that of no type.
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
  /// See `PushTemplate`.
  var run: String?

  /// A generated push costs far more than a copied one, so a few are made, a minute apart in their counters.
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

  /// Of one push.
  var rows: Int { template(minute: 0).rows }

  /// The same types in the shape that comes closest to so many rows a push, and never above.
  /// - Returns: nil if the smallest shape has more.
  func scaled(toRows rows: Int) -> PayloadGenerator? {
    // By doubling and halving: every table's rows grow with the scale, though not all as fast.
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
