// The options for the content of pushes.

import ArgumentParser
internal import GeneratedPushes
import Ground
internal import Protocol

extension PayloadProfile: ExpressibleByArgument {}

struct PayloadOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Generated pushes. mixed: every metric type, as a stock collector sends them; table-stats, query-stats, logs: rows of one table.",
      valueName: "mixed|table-stats|query-stats|logs"))
  var profile = PayloadProfile.mixed

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Generated pushes of these metric types with all fields, instead of a profile.", valueName: "type"))
  var types: [String] = []

  @Option(
    help: ArgumentHelp(
      "Largest number of rows of a generated push; exact for profiles of one table. Replaces --tables and --queries. (default: follows from those)",
      valueName: "count"))
  var rows: Int?

  @Option(help: ArgumentHelp("Databases in a generated push.", valueName: "count"))
  var databases = 1

  @Option(help: ArgumentHelp("Tables in each database of a generated push; each has two indexes.", valueName: "count"))
  var tables = 10

  @Option(help: ArgumentHelp("Statements in each database of a generated push.", valueName: "count"))
  var queries = 10

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Push these bodies (JSON, plain or gzip), with collector, hostname and timestamps replaced, instead of generated ones.",
      valueName: "file"))
  var body: [String] = []

  @Option(help: ArgumentHelp("Compression level, 1 to 9; 0 sends bodies uncompressed.", valueName: "level"))
  var gzipLevel = 1

  @Flag(
    help: "Compress each push, as a collector does, instead of filling in prepared bodies. This costs far more CPU.")
  var freshBodies = false

  mutating func validate() throws {
    try checkRanges([
      ("--gzip-level", gzipLevel, 0...9), ("--databases", databases, 1...1000), ("--tables", tables, 1...100_000),
      ("--queries", queries, 1...100_000), ("--rows", rows ?? 1, 1...1_000_000),
    ])
    if !body.isEmpty, rows != nil || !types.isEmpty {
      throw ValidationError("--body excludes --rows and --types, which apply to generated pushes.")
    }
  }

  var compression: Compression {
    gzipLevel == 0 ? .none : freshBodies ? .fresh(level: gzipLevel) : .prepared(level: gzipLevel)
  }

  /// - Parameter run: a text that differs from run to run, so that no push of this run repeats one of an earlier run.
  /// - Returns: the templates, and their description for people.
  func templates(seed: UInt64, run: String) throws(UsageError) -> (templates: [PushTemplate], text: String) {
    if body.isEmpty { return try generated(seed: seed, run: run) }
    var templates: [PushTemplate] = []
    for path in body {
      do {
        templates.append(try PushTemplate(file: LocalFile.require(path), run: run))
      } catch {
        throw UsageError(description: "--body \(path): \(error)")
      }
    }
    return (templates, "\(body.count) given bodies")
  }

  private func generated(
    seed: UInt64, run: String
  ) throws(UsageError) -> (templates: [PushTemplate], text: String) {
    var chosen = profile.types
    if !types.isEmpty {
      guard let named = PayloadProfile.types(named: types) else {
        let known = MetricCatalog.types.map(\.name).joined(separator: ", ")
        throw UsageError(description: "--types: each must be one of \(known), once")
      }
      chosen = named
    }
    var shape = PushGenerator.Shape()
    shape.databases = databases
    shape.tables = tables
    shape.queries = queries
    shape.logLines = 10
    var generator = PayloadGenerator(types: chosen, shape: shape, seed: seed, run: run)
    if let rows {
      guard let scaled = generator.scaled(toRows: rows) else {
        throw UsageError(description: "--rows \(rows): the smallest push of this kind has more")
      }
      generator = scaled
    }
    let templates = generator.templates()
    let name = types.isEmpty ? profile.rawValue : types.joined(separator: " ")
    return (templates, "\(name), \(templates[0].rows) rows and \(templates[0].text.count) bytes of JSON a push")
  }
}
