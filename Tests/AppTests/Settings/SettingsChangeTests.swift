import Ground
import Reactor
import Synchronization
import Testing

@testable import App

@Suite struct SettingsChangeTests {
  /// Settings in which `declaration` has a value other than its default.
  private func changed(_ declaration: SettingDeclaration) -> Settings {
    var settings = Settings()
    switch declaration.field {
    case .text(let path): settings[keyPath: path] += "x"
    case .word(let path, let words): settings[keyPath: path] = words.first { $0 != settings[keyPath: path] } ?? ""
    case .count(let path, let range), .bytes(let path, let range):
      settings[keyPath: path] = settings[keyPath: path] == range.upperBound ? range.lowerBound : range.upperBound
    case .time(let path, let range):
      settings[keyPath: path] = settings[keyPath: path] == range.upperBound ? range.lowerBound : range.upperBound
    case .networks(let path): settings[keyPath: path] = [IPNetwork("192.0.2.0/24")!]
    case .times(let path, let names, let range): settings[keyPath: path][names[0]] = range.upperBound
    }
    return settings
  }

  @Test func `a live setting changes, and any other setting stays and is named`() {
    for declaration in Settings.declarations {
      let read = changed(declaration)
      #expect(declaration.print(read) != declaration.print(Settings()), "\(declaration.name)")
      let change = SettingsChange(from: Settings(), to: read)
      let isLive = declaration.effect == .live
      #expect(change.applied == (isLive ? [declaration.name] : []))
      #expect(change.pending == (isLive ? [] : [declaration.name]))
      #expect(
        declaration.print(change.settings) == declaration.print(isLive ? read : Settings()), "\(declaration.name)")
    }
  }

  @Test func `every limit, rate and time limit of requests is live`() {
    let restart = Settings.declarations.filter { $0.effect == .restart }.map(\.name)
    #expect(
      restart == [
        "listen", "data_dir", "database_url", "loops", "web_library_dir", "log_buffer_bytes", "log_buffer_urgent_bytes",
        "known_certificates", "known_ids",
        "writer_connections", "admin_connections", "query_connections", "authority_life",
      ])
  }

  /// The source that the reloads below read.
  private final class Source: Sendable {
    let result = Mutex<Result<Settings, SettingErrors>>(.success(Settings()))

    func read() throws(SettingErrors) -> Settings { try result.withLock { $0 }.get() }
  }

  @Test func `wrong settings change nothing and count as failing until they are right again`() {
    var settings = Settings()
    settings.logLevel = "critical"
    let source = Source()
    let live = LiveSettings(settings)
    let log = ServerLog(settings)
    let reload = SettingsReload(live, log: log, now: 1) { () throws(SettingErrors) in try source.read() }
    source.result.withLock {
      $0 = .failure(SettingErrors(errors: [SettingError(source: "file:1: loops", problem: "no")]))
    }
    #expect(reload.read(now: 2) == nil)
    #expect(reload.snapshot.failures == 1 && reload.snapshot.isFailing && reload.snapshot.readAt == 1)
    #expect(live.now.logLevel == "critical")
    settings.queryRows = 7
    settings.loops = 7
    settings.logLevel = "error"
    let next = settings
    source.result.withLock { $0 = .success(next) }
    #expect(reload.read(now: 3)?.queryRows == 7)
    #expect(live.now.queryRows == 7 && live.now.loops == 0)
    #expect(log.level == "error")
    #expect(reload.snapshot.failures == 1 && !reload.snapshot.isFailing && reload.snapshot.readAt == 3)
  }

  @Test func `a wait follows a length that changes while it waits`() async throws {
    // The length changes after the first look: it is an hour at the first look, and zero from the second look on.
    let looks = Mutex(0)
    let interval = Live<Duration> {
      looks.withLock { looks in
        looks += 1
        return looks == 1 ? .seconds(3600) : .zero
      }
    }
    try await interval.sleep()
    #expect(looks.withLock { $0 } == 2)
  }

  @Test func `a changed rate of the audit trail applies from the next line on`() {
    let settings = LiveSettings(Settings())
    let trail = RefusalTrail(perMinute: settings.live(\.auditRefusalsPerMinute))
    let event = AuditEvent(.login, by: AuditEvent.system)
    var other = Settings()
    other.auditRefusalsPerMinute = 1_000_000
    #expect((0..<1000).filter { _ in trail.line(for: event) != nil }.count < 1000)
    settings.replace(with: other)
    #expect((0..<1000).contains { _ in trail.line(for: event) != nil })
  }
}
