import ArgumentParser
import Glibc
import Ground
import Reactor

struct ServeCommand: SignalledCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves with an existing database.",
    discussion: "The database must have been migrated (`pganalytics migrate`).")

  @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
  @Option(help: "Address of the HTTPS listener, HOST:PORT.") var listen: String?
  @Option(help: "Directory of certificates and keys.") var dataDir: String?
  @Option(help: "Event loops; 0 is one per core.") var loops: String?
  @OptionGroup var options: SettingOptions

  func run() async throws {
    let sources = options.sources([
      ("database_url", databaseUrl), ("listen", listen), ("data_dir", dataDir), ("loops", loops),
    ])
    let read = try sources.read()
    let settings = read.settings
    guard !settings.databaseURL.isEmpty else { throw CommandFailure.databaseMissing }
    let log = try ServerLog.standardError(settings)
    defer { log.flush() }
    log.note(read)
    let ending = Ending(settings, log: log)
    _ = try ProcessLimits.raiseDescriptorLimit()
    try LocalDirectory.make(settings.dataDirectory)
    let signals = try Signals.stream { ending.begin() }
    let server = try await Server.start(settings, log: log) { () throws(SettingErrors) in log.note(try sources.read()) }
    let systemd = Systemd(environment: Environment.variables())
    systemd?.send(.ready)
    let watchdog = Task { await systemd?.watch { await server.answers() } }
    say("https://\(server.address) is up; clients trust \(server.certificateAuthorityFile). Ctrl-C stops it.")
    await server.untilStopped(signals, ending, systemd)
    systemd?.send(.stopping)
    watchdog.cancel()
    await server.stop(by: ending.deadline)
  }
}

extension ServerLog {
  /// The log of a server's process. Its remaining lines are written before a fatal signal ends the process.
  static func standardError(_ settings: Settings) throws(SystemCallError) -> ServerLog {
    let writer = try LogWriter(
      STDERR_FILENO, bytes: settings.logBufferBytes, urgentBytes: settings.logBufferUrgentBytes)
    writer.leaveBeforeFatalSignals()
    return ServerLog(settings, to: writer)
  }
}

extension Server {
  /// Reloads on each SIGHUP, and returns when the server has to stop.
  func untilStopped(_ signals: AsyncStream<Signals.Event>, _ ending: Ending, _ systemd: Systemd? = nil) async {
    for await signal in signals {
      switch signal {
      case .stop: return
      case .reload:
        systemd?.send(.reloading)
        await reload()
        ending.apply(current)
        systemd?.send(.ready)
      }
    }
  }
}
