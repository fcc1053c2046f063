// The load client: a fleet of collectors, each with its own key, certificate, token and connection. It reaches the
// server only over the network, and shares with it only the modules that both are built from.

import ArgumentParser
internal import Glibc
import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// A command of this program.
protocol BenchCommand: ParsableCommand {
  /// Runs the command.
  /// - Returns: the exit status.
  /// - Throws: `UsageError`, for which the exit status is 2; for any other error it is 1.
  func execute() throws -> CInt
}

@main
struct PganalyticsBench: BenchCommand {
  static let version = Version.text
  static let configuration = CommandConfiguration(
    commandName: "pganalytics-bench",
    abstract: "Loads a pgAnalytics server with a fleet of collectors, and reports latencies, rates and errors.",
    discussion: """
      Exit status: 0 if the run is clean; 1 if it is not clean, or if the server can't be reached or trusted; 2 for \
      usage errors; 3 if an --expect does not hold. A run is clean if it was completed, every push was acknowledged, \
      none was refused, and every fault had its right outcome.
      Ctrl-C ends the run after its last pushes and prints the report. A second Ctrl-C does not wait for the last \
      pushes.

      Times are written with their unit: 500ms, 1.5s, 10m, 1h.

      `pganalytics-bench cost` measures the cost of one handshake, request or idle connection for a server of this \
      machine; `pganalytics-bench cost --help` describes it.

      Each push has timestamps that its collector has not used before. When pushes come faster than one in the time \
      that their timestamps span (at least a second), the surplus gets timestamps before the oldest one so far.
      """,
    version: version)

  private static let usageStatus: CInt = 2
  private static let unexpectedStatus: CInt = 3

  @OptionGroup var options: Options

  /// Replaces `ParsableCommand.main`, because a usage error has to end with status 2.
  static func main() {
    SignalSource.ignoreSIGPIPE()
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == CostCommand.word {
      Glibc.exit(start(CostCommand.self, Array(arguments.dropFirst())))
    }
    SignalSource.block([SIGINT, SIGTERM])
    Glibc.exit(start(PganalyticsBench.self, arguments))
  }

  private static func start<Command: BenchCommand>(_ type: Command.Type, _ arguments: [String]) -> CInt {
    let command: Command
    do {
      command = try Command.parse(arguments)
    } catch {
      let isHelp = Command.exitCode(for: error) == .success
      Terminal.write(Command.fullMessage(for: error) + "\n", to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
      return isHelp ? 0 : usageStatus
    }
    do {
      try ProcessLimits.raiseDescriptorLimit()
      return try command.execute()
    } catch let error as UsageError {
      Terminal.write("pganalytics-bench: \(error)\n", to: STDERR_FILENO)
      return usageStatus
    } catch {
      Terminal.clearLine()
      Terminal.write("pganalytics-bench: \(error)\n", to: STDERR_FILENO)
      return 1
    }
  }

  func execute() throws -> CInt {
    let plan = try options.plan()
    if options.fleet.worker != nil {
      let fleet = try Fleet(plan: plan, role: .worker)
      let signals = try fleet.heed([SIGINT, SIGTERM])
      _ = try withExtendedLifetime(signals) { try fleet.run() }
      return 0
    }
    let isLocal = plan.endpoint.addresses.allSatisfy { $0.ipString.hasPrefix("127.") || $0.ipString == "::1" }
    if !isLocal {
      Terminal.write(
        "pganalytics-bench: \(plan.endpoint.url.host) is not this machine; load only servers that are yours.\n",
        to: STDERR_FILENO)
    }
    let watchPlan = try options.watch.plan()
    let readPlan = try options.read.plan()
    let expectations = try options.watch.expectations()
    try Preflight.check(plan.endpoint)
    let arguments = Array(CommandLine.arguments.dropFirst())
    let fleet = try Fleet(
      plan: plan,
      role: plan.division.processes > 1 ? .captain(executable: "/proc/self/exe", arguments: arguments) : .alone)
    let signals = try fleet.heed([SIGINT, SIGTERM])
    let watch = try RunWatch(plan: watchPlan, fleet: plan, loop: fleet.control)
    let readers = readPlan.map { Readers(plan: $0, endpoint: plan.endpoint, loop: fleet.control) }
    var report = try withExtendedLifetime(signals) {
      try fleet.run(progress: ProgressLine(of: plan).show, watch: watch, readers: readers)
    }
    report.expectations = expectations
    Terminal.clearLine()
    return try publish(report)
  }

  private func publish(_ report: Report) throws -> CInt {
    let toleratesOutage = options.watch.tolerateOutage
    Terminal.write(report.text(toleratingOutage: toleratesOutage), to: STDOUT_FILENO)
    if let path = options.watch.json {
      try LocalFile.overwrite(path, with: report.json(toleratingOutage: toleratesOutage))
    }
    if let path = options.watch.html {
      let page = HTMLReport(report: report, toleratesOutage: toleratesOutage, unixSeconds: WallClock.unixSeconds())
      try LocalFile.overwrite(path, with: page.bytes())
    }
    if !report.isAsExpected { return Self.unexpectedStatus }
    return report.isClean(toleratingOutage: toleratesOutage) ? 0 : 1
  }
}
