// Measures whether the log keeps up. The target in docs/PERFORMANCE.md is 20,000 lines a second for a minute without a
// loss, with a reader that does not stall. `pganalytics measure-log 2>&1 >/dev/null | wc -l` has such a reader.

import ArgumentParser
import Glibc
import Ground
import Reactor

struct MeasureLogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure-log", abstract: "Writes log lines at a rate, and says how many were lost.",
    shouldDisplay: false)

  @Option(help: "Lines a second.") var rate = 20_000
  @Option(help: "Seconds.") var seconds = 60

  func run() async throws {
    let log = try ServerLog.standardError(Settings())
    let tick = Duration.milliseconds(5)
    let start = MonotonicTime.now()
    var written = 0
    while true {
      let passed = start.duration(to: .now())
      let due = min(rate * seconds, Int(passed.wholeMilliseconds) * rate / 1000)
      while written < due {
        log.info(
          "request",
          ["request_id": "0123456789abcdef", "method": "GET", "path": "/api/v1/servers", "status": 200, "ms": written])
        written += 1
      }
      if written == rate * seconds { break }
      try await Task.sleep(for: tick)
    }
    log.flush()
    let losses = log.writer.losses
    say(
      "\(written) lines in \(start.duration(to: .now())): \(losses.dropped.reduce(0, +)) dropped, \(losses.unwritten) unwritten"
    )
    if !losses.isNone { throw ExitCode.failure }
  }
}
