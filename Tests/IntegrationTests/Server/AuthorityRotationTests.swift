import Glibc
import Ground
import Protocol
import Synchronization
import Testing

@testable import App

private let day: Int64 = 86_400

/// A collector that pushes without a pause to several servers, over one connection or over new ones, and records
/// failures.
private final class Pusher: Sendable {
  struct State {
    var identity: TLSIdentity
    var trust: [UInt8]
    var isStopped = false
    var pushes = 0
    var failures: [String] = []
  }

  let collector: TestCollector
  let servers: [RunningServer]
  private let state: Mutex<State>

  init(_ collector: TestCollector, _ identity: TLSIdentity, to servers: [RunningServer]) {
    self.collector = collector
    self.servers = servers
    state = Mutex(State(identity: identity, trust: servers[0].trust))
  }

  var result: State { state.withLock { $0 } }
  func stop() { state.withLock { $0.isStopped = true } }
  /// Uses an identity from the next connection on.
  func use(_ identity: TLSIdentity, trusting trust: [UInt8]) {
    state.withLock {
      $0.identity = identity
      $0.trust = trust
    }
  }

  /// - Parameter keepsConnection: keeps one connection to the first server. Otherwise each push has a connection of its
  /// own, to each server in turn.
  func run(keepsConnection: Bool) async {
    var kept: TestClient?
    while true {
      let now = result
      if now.isStopped { return }
      do {
        let server = keepsConnection ? servers[0] : servers[now.pushes % servers.count]
        let client: TestClient
        if let kept { client = kept } else { client = try await server.client(now.identity, trusting: now.trust) }
        if keepsConnection { kept = client }
        let answer = try await collector.push(
          collector.push(of: [TestCollector.disk("/dev/\(now.pushes)", used: now.pushes)]), over: client)
        state.withLock {
          $0.pushes += 1
          if answer.status != 200 { $0.failures.append("\(answer)") }
        }
      } catch {
        state.withLock { $0.failures.append("\(error)") }
        kept = nil
      }
      // A server that refuses everything must not make the test endless.
      if result.failures.count > 100 { return }
    }
  }
}

/// A new authority takes over while collectors push to two servers: it is trusted, then used, and the old one is
/// retired.
@Suite struct AuthorityRotationTests {
  private func metrics(_ server: RunningServer, _ trust: [UInt8]) async throws -> String {
    try await server.client(trusting: trust).request("GET", "/metrics").text
  }

  private func authorities(_ server: RunningServer) throws -> [UInt8] {
    try #require(try LocalFile.read(server.server.certificateAuthorityFile))
  }

  @Test func `authorities are rotated without a failed push`() async throws {
    let first = try await RunningServer.start { $0.reloadInterval = .milliseconds(100) }
    let servers = [first, try await first.second()]
    let rotation = AuthorityRotation(directory: first.settings.dataDirectory, now: Int64(Glibc.time(nil)))
    var pushers: [Pusher] = []
    for _ in 0..<3 {
      let collector = try await first.enrol()
      // The certificate is old enough for a renewal.
      pushers.append(
        Pusher(collector, try await collector.certificate(age: 21 * day, life: 30 * day).identity, to: servers))
    }
    let (keeper, others) = (pushers[0], pushers.dropFirst())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await keeper.run(keepsConnection: true) }
      for pusher in others { group.addTask { await pusher.run(keepsConnection: false) } }
      func waitForPushes() async throws {
        let before = pushers.map(\.result.pushes)
        try await first.eventually("no collector pushes") {
          zip(pushers, before).allSatisfy { $0.result.pushes > $1 + 3 || $0.result.failures.count > 100 }
        }
      }
      defer { for pusher in pushers { pusher.stop() } }
      try await waitForPushes()

      #expect(throws: AuthorityRotation.Refused.self) { try rotation.activate() }
      _ = try rotation.add(life: 3650 * day)
      #expect(throws: AuthorityRotation.Refused.self) { try rotation.add(life: day) }
      for server in servers {
        try await server.eventually("the new authority is not seen") {
          try await metrics(server, first.trust).contains("{certificate=\"authority_next\"}")
        }
      }
      try await waitForPushes()
      #expect(try await first.enrol().certificate.authorityKeyIDHex == keeper.collector.certificate.authorityKeyIDHex)

      let used = try rotation.activate()
      for server in servers {
        try await server.eventually("the new authority is not used") {
          try await metrics(server, first.trust).contains("{certificate=\"authority_previous\"}")
        }
      }
      try await waitForPushes()
      // A collector that enrols now has a certificate of the new authority, trusts both authorities, and gets in at
      // both servers. The server still shows a certificate that earlier collectors trust.
      let late = try await first.enrol()
      #expect(late.certificate.authorityKeyIDHex == used.current.certificate.subjectKeyIDHex)
      for server in servers {
        let client = try await server.client(late.identity)
        #expect(try await late.push(late.push(of: []), over: client).status == 200)
      }

      await #expect(throws: AuthorityRotation.Refused.self) {
        _ = try await rotation.retire(first.database, force: false)
      }
      for pusher in pushers {
        let answer = try await pusher.collector.renew(over: first.client(pusher.result.identity))
        #expect(answer.status == 200, "\(answer)")
        let trust = Array(try #require(answer.json["ca_certificate"]?.text).utf8)
        #expect(try Certificate.chain(pem: trust).count == 2)
        pusher.use(
          try TLSIdentity(
            chainPEM: Array(try #require(answer.json["certificate"]?.text).utf8),
            privateKeyPEM: Array(try #require(answer.json["private_key"]?.text).utf8)), trusting: trust)
      }
      try await waitForPushes()
      // The collector that keeps its connection opened it with a certificate that is about to be revoked.
      keeper.stop()
      let trust = try authorities(first)
      let stranger = try await first.client(keeper.collector.identity)
      let retired = try await rotation.retire(first.database, force: true)
      #expect(retired.certificates.count == 1)
      #expect(try await stranger.isClosedByServer(), "the remaining certificates of the old authority are revoked")
      for server in servers {
        try await server.eventually("the old authority is not retired") {
          try await !metrics(server, trust).contains("{certificate=\"authority_previous\"}")
        }
      }
      try await waitForPushesOf(others, first)
      for pusher in pushers { pusher.stop() }
      try await group.waitForAll()
    }
    for pusher in pushers {
      #expect(pusher.result.failures.isEmpty, "\(pusher.result.failures)")
      #expect(try await pusher.collector.rows("disk_usage") == pusher.result.pushes)
    }

    // The old certificates are refused now, and a client that trusts only the old authority does not trust the server.
    let trust = try authorities(first)
    let old = try await servers[1].client(keeper.collector.identity, trusting: trust)
    #expect(try await keeper.collector.push(keeper.collector.push(of: []), over: old).error == "certificate_required")
    await #expect(throws: (any Error).self) { try await first.client() }
    await #expect(throws: AuthorityRotation.Refused.self) { try await rotation.retire(first.database, force: true) }
    let audited = try await first.integer(
      "SELECT count(*) FROM pganalytics.audit WHERE action = 'authority.retire' AND (details ->> 'revoked')::int > 0")
    #expect(audited == 1)
    #expect(
      try await first.integer("SELECT count(*) FROM pganalytics.audit WHERE action = 'authority.change'") >= 3)
    for server in servers { await server.stop() }
  }

  private func waitForPushesOf(_ pushers: ArraySlice<Pusher>, _ server: RunningServer) async throws {
    let before = pushers.map(\.result.pushes)
    try await server.eventually("no collector pushes after the rotation") {
      zip(pushers, before).allSatisfy { $0.result.pushes > $1 + 3 || $0.result.failures.count > 100 }
    }
  }
}
