// pganalytics-micro measures each stage of a push separately, and the reference figures that the server is compared
// with.

import ArgumentParser
import CCounters
import Protocol

@main
struct Micro: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pganalytics-micro", abstract: "Measures the stages of a push, one at a time.",
    subcommands: [Stages.self, CopyCommand.self, BodyCommand.self, UsageCommand.self],
    defaultSubcommand: Stages.self)
}

struct Stages: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Processor time, throughput, allocations and copies of each stage.")

  @Option(help: "Rows of a push.") var rows = 200
  @Option(help: "Number of rounds of a stage. The best and the median are printed.") var rounds = 15
  @Option(help: "Shortest time of a round, in milliseconds.") var milliseconds = 20
  @Option(help: "Measure only stages whose name contains this text.") var only = ""
  @Option(help: "Fail if a stage of a body copies more bytes than this for each byte of the body.")
  var copiesAtMost: Double?

  func run() throws {
    let bench = Bench(rounds: max(1, rounds), roundNanoseconds: Int64(milliseconds) * 1_000_000)
    let bodies = [MicroBody.tableStatistics(rows: rows), MicroBody.statements(rows: rows)]
    for body in bodies {
      print(
        "\(body.name): \(body.rows) rows, \(body.values) values a row, \(body.json.count) B of JSON, "
          + "\(body.gzip.count) B of gzip")
    }
    print(
      Self.line("stage", "best us", "median us", "MB/s", "ns a row", "allocations", "copies"))
    for body in bodies {
      print("-- \(body.name)")
      for result in bench.bodyStages(body, only: only) {
        print(Self.line(result))
        if let copiesAtMost, result.copiesPerByte > copiesAtMost {
          throw ValidationError("\(result.name) copies \(result.copiesPerByte.text(2)) bytes for each of the body's")
        }
      }
      if only.isEmpty || "TLS records".contains(only) { print(Self.line(try bench.records(body))) }
    }
    print("-- one request")
    if only.isEmpty { for result in try bench.headStages() { print(Self.line(result)) } }
    if only.isEmpty || "handshake".contains(only) { print(Self.line(try bench.handshakes(50))) }
  }

  private static func line(_ result: StageResult) -> String {
    let megabytes = Double(result.bytes) / result.best * 1000
    return line(
      result.name, (result.best / 1000).text(2), (result.median / 1000).text(2),
      result.bytes == 0 ? "" : megabytes.text(0), result.rows == 0 ? "" : (result.best / Double(result.rows)).text(0),
      result.allocations.isNaN ? "" : result.allocations.text(1),
      result.copiesPerByte.isNaN ? "" : result.copiesPerByte.text(2))
  }

  private static func line(
    _ name: String, _ best: String, _ median: String, _ rate: String, _ row: String, _ allocations: String,
    _ copies: String
  ) -> String {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(1, width - text.count)) + text
    }
    return name + String(repeating: " ", count: max(1, 38 - name.count)) + right(best, 10) + right(median, 11)
      + right(rate, 8) + right(row, 10) + right(allocations, 13) + right(copies, 8)
  }
}
