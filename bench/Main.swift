// The bundled load client: a fleet of collectors, each with a key, certificate, token and connection of its own.
// It knows the server only from outside: nothing here is shared with it but the modules both are built from.

import ArgumentParser
internal import Glibc
internal import Protocol
internal import Reactor

@main
struct PganalyticsBench: ParsableCommand {
  static let version = "1.0.0"
  static let configuration = CommandConfiguration(
    commandName: "pganalytics-bench",
    abstract: "Plays a fleet of collectors against a pgAnalytics server and reports what it took.",
    discussion: """
      Exit status: 0 if every push was acknowledged and nothing refused, 1 if not, 2 for usage errors.
      Ctrl-C ends the run in good order and still reports; a second one does not wait for the last pushes.

      Each push carries timestamps that its collector has not used before. When pushes come faster than one in the \
      time their timestamps span (at least a second), the surplus is stamped backwards, before the oldest so far.
      """,
    version: version)

  private static let usageStatus: CInt = 2

  @OptionGroup var options: Options

  /// Not `ParsableCommand.main`: a usage error has to end with status 2.
  static func main() {
    SignalSource.ignoreSIGPIPE()
    SignalSource.block([SIGINT, SIGTERM])
    let command: PganalyticsBench
    do {
      command = try parse()
    } catch {
      let isHelp = exitCode(for: error) == .success
      Terminal.write(fullMessage(for: error) + "\n", to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
      Glibc.exit(isHelp ? 0 : usageStatus)
    }
    Glibc.exit(command.execute())
  }

  private func execute() -> CInt {
    let plan: FleetPlan
    do {
      plan = try options.plan()
    } catch {
      Terminal.write("pganalytics-bench: \(error)\n", to: STDERR_FILENO)
      return Self.usageStatus
    }
    do {
      try ProcessLimits.raiseDescriptorLimit()
      let fleet = try Fleet(plan: plan)
      let signals = try fleet.heed([SIGINT, SIGTERM])
      let report = try withExtendedLifetime(signals) { try fleet.run(progress: ProgressLine(of: plan).show) }
      Terminal.clearLine()
      Terminal.write(report.text, to: STDOUT_FILENO)
      if let path = options.json {
        try LocalFile.write(report.json(toleratingOutage: options.tolerateOutage), to: path)
      }
      return report.isClean(toleratingOutage: options.tolerateOutage) ? 0 : 1
    } catch {
      Terminal.write("pganalytics-bench: \(error)\n", to: STDERR_FILENO)
      return 1
    }
  }
}
