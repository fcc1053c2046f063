// The bundled load client: a fleet of collectors, each with a key, certificate, token and connection of its own.
// It knows the server only from outside: nothing here is shared with it but the modules both are built from.

import ArgumentParser
internal import Glibc
import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// A command of this program.
protocol BenchCommand: ParsableCommand {
  /// - Returns: the exit status.
  /// - Throws: `UsageError`, which is exit status 2; any other error is 1.
  func execute() throws -> CInt
}

@main
struct PganalyticsBench: BenchCommand {
  static let version = Version.text
  static let configuration = CommandConfiguration(
    commandName: "pganalytics-bench",
    abstract: "Plays a fleet of collectors against a pgAnalytics server and reports what it took.",
    discussion: """
      Exit status: 0 if the run came to its end, every push was acknowledged, nothing refused and every fault answered \
      as it must be, 1 if not, or if the server can't be reached or trusted, 2 for usage errors, 3 if an --expect does \
      not hold.
      Ctrl-C ends the run in good order and still reports; a second one does not wait for the last pushes.

      Times are written with their unit: 500ms, 1.5s, 10m, 1h.

      `pganalytics-bench cost --help` is about another kind of load: what one handshake, request or idle connection \
      costs a server of this machine.

      Each push carries timestamps that its collector has not used before. When pushes come faster than one in the \
      time their timestamps span (at least a second), the surplus is stamped backwards, before the oldest so far.
      """,
    version: version)

  private static let usageStatus: CInt = 2
  private static let unexpectedStatus: CInt = 3

  @OptionGroup var options: Options

  /// Not `ParsableCommand.main`: a usage error has to end with status 2.
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
