import GeneratedPushes
import Protocol
import Testing

@testable import Bench

struct PayloadTests {
  private func generator(_ profile: PayloadProfile) -> PayloadGenerator {
    var shape = PushGenerator.Shape()
    shape.databases = 1
    return PayloadGenerator(types: profile.types, shape: shape, seed: 1)
  }

  private func metrics(_ template: PushTemplate) throws -> [JSONObject] {
    var text = ByteBuffer()
    template.append(collector: UUID.random(), hostname: "h", newest: 1_700_000_000, to: &text)
    let json = try JSONValue.parse(text.span, limits: JSONValueLimits(bytes: 1 << 26))
    guard case .object(let push) = json, case .array(let metrics)? = push["metrics"] else { return [] }
    return metrics.compactMap { if case .object(let object) = $0 { object } else { nil } }
  }

  @Test(arguments: [PayloadProfile.tableStats, .queryStats, .logs])
  func `a profile of one table has exactly the requested rows`(profile: PayloadProfile) throws {
    for rows in [1, 2, 37, 200, 1000] {
      let scaled = try #require(generator(profile).scaled(toRows: rows))
      for template in scaled.templates() { #expect(template.rows == rows, "\(profile)") }
    }
  }

  @Test func `two hundred rows of table statistics are one metric of two hundred tables`() throws {
    let template = try #require(generator(.tableStats).scaled(toRows: 200)).templates()[0]
    let metrics = try metrics(template)
    #expect(metrics.count == 1 && metrics[0].string("type") == "pg_stats")
    guard case .array(let tables)? = metrics[0]["tables"] else { return #expect(Bool(false), "no tables") }
    #expect(tables.count == 200 && metrics[0]["indexes"] == nil && metrics[0]["size_bytes"] == nil)
  }

  @Test func `a mixture has as many of the requested rows as possible, and not more`() throws {
    let scaled = try #require(generator(.mixed).scaled(toRows: 1000))
    let rows = scaled.rows
    #expect(rows <= 1000 && rows > 950)
    #expect(Set(try metrics(scaled.templates()[0]).compactMap { $0.string("type") }).count == MetricCatalog.types.count)
    #expect(generator(.mixed).scaled(toRows: 1) == nil, "the smallest mixture has more")
  }

  @Test func `metric types are selected by name, each once`() {
    #expect(PayloadProfile.types(named: ["pg_locks", "pg_log"])?.map(\.name) == ["pg_log", "pg_locks"])
    #expect(PayloadProfile.types(named: ["pg_locks", "pg_lokcs"]) == nil)
  }

  @Test func `counters grow from template to template, so that pushes of a collector differ`() throws {
    let templates = generator(.tableStats).templates()
    #expect(templates.count == PayloadGenerator.templateCount)
    #expect(Set(templates.map(\.text)).count == templates.count)
  }
}
