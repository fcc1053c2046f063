import ArgumentParser
import Glibc

/// Writes a body that `pganalytics-bench` can push.
struct BodyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "body", abstract: "Prints the push that stages are measured with.")

  @Option(help: "Rows.") var rows = 200
  @Flag(help: "Statements instead of table statistics.") var statements = false

  func run() {
    let body = statements ? MicroBody.statements(rows: rows) : MicroBody.tableStatistics(rows: rows)
    var rest = body.json[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// Prints the processor time and memory that a process has used so far.
struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Prints a process's nanoseconds of processor time and its resident bytes.")

  @Argument var pid: Int32
  @Flag(help: "Include the time of its children.") var children = false

  func run() {
    print(ProcessUsage.nanoseconds(pid, withChildren: children), ProcessUsage.residentBytes(pid))
  }
}
