// Measures how long it takes to verify a token on this machine: the figure in docs/IDENTITY.md.

import ArgumentParser
import Ground
import Protocol
import Reactor

struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure", abstract: "Measures what verifying a token costs.", shouldDisplay: false)

  @Option(help: "Verifications a round.") var count = 100_000

  func run() throws {
    let tokens = try Tokens(
      keys: JWTKeySet(signing: JWTKey.generate(id: UUID.random().description)), settings: Settings())
    let now = WallClock.unixSeconds()
    let user = Principal.User(id: 7, name: "administrator", role: .admin, sessionID: .random())
    let person = Array(tokens.issue(user: user, session: .random(), now: now).token.utf8)
    let collector = Array(tokens.issue(collector: .random(), hostname: "db1.example.com", now: now).token.utf8)
    let claims = try tokens.collector(collector.span, now: now)
    let verified = VerifiedToken(bytes: collector, collector: claims.id, expiresAt: claims.expiresAt ?? now, version: 0)
    try report("a person's token") { _ = try tokens.user(person.span, now: now) }
    try report("a collector's token") { _ = try tokens.collector(collector.span, now: now) }
    try report("a collector's token that its connection remembers") {
      if !verified.matches(collector[...], now: now, version: 0) {
        throw CommandFailure("The connection does not remember the token.")
      }
    }
  }

  /// Reports the best of five rounds, so that other work of the machine does not count.
  private func report(_ what: String, _ work: () throws -> Void) throws {
    var best = Duration.seconds(3600)
    for _ in 0..<5 {
      let start = MonotonicTime.now()
      for _ in 0..<max(1, count) { try work() }
      best = min(best, start.duration(to: .now()))
    }
    print("\(best.wholeNanoseconds / Int64(max(1, count))) ns: \(what)")
  }
}
