// A small server on real sockets with real TLS. It enrols collectors, acknowledges pushes, and misbehaves as a test
// demands.

import GeneratedPushes
import Ground
import HTTPClient
import Protocol
import Reactor
import Synchronization

@testable import Bench

/// What the server does with one push.
enum Reply: Sendable {
  /// Stores the push unless it is stored already, and acknowledges it.
  case acknowledge
  /// As `acknowledge`, after this time.
  case acknowledgeAfter(Duration)
  /// Stores the push and closes the connection without an answer: the client cannot know the outcome.
  case storeSilently
  /// Closes the connection without storing or answering.
  case drop
  /// Stores and acknowledges the push, then closes the connection in good order.
  case acknowledgeClosing
  case refuse(UInt16, slug: String, retryAfter: Int?)
}

/// A push as it arrived.
struct Arrival: Sendable {
  let collector: String
  /// The number of earlier pushes of the collector.
  let earlier: Int
  let body: [UInt8]
  let isGzip: Bool
  let token: String
  let time: MonotonicTime

  /// Compares byte for byte, because a failed `#expect` would otherwise print both bodies.
  func hasSameBody(as other: Arrival) -> Bool { body == other.body }
}

/// The record of the server, readable from any thread.
final class ServerJournal: Sendable {
  struct Entries: Sendable {
    var connections = 0
    var enrolled: [String] = []
    var arrivals: [Arrival] = []
    /// Stored bodies by collector, each once.
    var stored: [String: Set<[UInt8]>] = [:]
    var acknowledged = 0
    var refreshes = 0
    /// Reads that were answered.
    var reads = 0
    /// Pushes whose certificate, token and body do not name the same collector.
    var strangers = 0
  }

  private let entries = Mutex(Entries())
  private let ending = Mutex<(isEnough: @Sendable (Entries) -> Bool, run: Scoreboard)?>(nil)

  func note<R: Sendable>(_ change: (inout Entries) -> R) -> R {
    let result = entries.withLock { change(&$0) }
    let isOver = ending.withLock { ending in
      guard let now = ending, now.isEnough(all) else { return Scoreboard?.none }
      ending = nil
      return now.run
    }
    isOver?.interrupt()
    return result
  }

  /// Ends `run` as soon as `isEnough` holds, however fast or slow the machine is.
  func end(_ run: Scoreboard, when isEnough: @escaping @Sendable (Entries) -> Bool) {
    ending.withLock { $0 = (isEnough, run) }
  }

  var all: Entries { entries.withLock { $0 } }
}

/// The server: a thread with a loop, until `stop`.
final class TestServer: Sendable {
  static let secret = "let me in"
  static let rowsPerPush = 7

  let journal = ServerJournal()
  let port: UInt16
  let authorityPEM: [UInt8]
  let authorityKeyPEM: [UInt8]
  private let thread: LoopThread

  /// `enrol` decides about each registration, counted from 0, and `push` about each push. With `isCredulous` the server
  /// accepts broken JSON and forged certificates, and calls no push a duplicate.
  init(
    isCredulous: Bool = false, enrol: @escaping @Sendable (Int) -> Reply = { _ in .acknowledge },
    push: @escaping @Sendable (Arrival) -> Reply
  ) throws {
    let now = WallClock.unixSeconds()
    let authority = try CertificateAuthority.create(commonName: "test", validFor: 3600, now: now)
    let key = try PrivateKey.generate()
    let issued = try authority.issueServer(
      for: key, dnsNames: [], ipAddresses: ["127.0.0.1"], validFor: 3600, now: now)
    let (certificatePEM, keyPEM) = (try authority.certificate.pem(), try authority.privateKeyPEM())
    let context = try TLSContext.server(
      certificateChainPEM: issued.pem, privateKeyPEM: key.pem(), clientTrustPEM: certificatePEM)
    let bound = Mutex<UInt16>(0)
    thread = try LoopThread.start(name: "test-server", index: 0) { [journal] loop in
      let service = TestService(
        loop: loop, context: context, journal: journal,
        authority: try CertificateAuthority(certificatePEM: certificatePEM, privateKeyPEM: keyPEM),
        isCredulous: isCredulous, enrol: enrol, push: push)
      let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!, handler: service)
      bound.withLock { $0 = listener.localAddress.port }
    }
    authorityPEM = certificatePEM
    authorityKeyPEM = keyPEM
    port = bound.withLock { $0 }
  }

  func stop() {
    thread.stop()
    thread.join()
  }

  /// A plan for a fleet against this server, with small templates and short limits.
  func plan(
    collectors: Int, duration: Duration, pace: Pace = .closedLoop(), loops: Int = 1
  ) throws -> FleetPlan {
    let endpoint = HTTPSDestination(
      url: HTTPSURL("https://127.0.0.1:\(port)")!, addresses: [SocketAddress(ip: "127.0.0.1", port: port)!],
      sources: [], context: try TLSContext.client(trustPEM: authorityPEM))
    var plan = FleetPlan(
      endpoint: endpoint, registrationSecret: Self.secret, collectors: collectors, duration: duration, pace: pace,
      templates: [try PushTemplate(json: samplePush().span)])
    plan.loops = loops
    plan.backOff = BackOff.Limits(first: .milliseconds(5), longest: .milliseconds(50))
    plan.startLimit = .seconds(60)
    return plan
  }
}

/// A push of two rounds, a second apart.
func samplePush() -> [UInt8] {
  var shape = PushGenerator.Shape()
  shape.databases = 1
  shape.tables = 1
  shape.queries = 1
  shape.logLines = 1
  shape.activity = 1
  let body = PushGenerator(seed: 7, shape: shape).body(
    collectorID: "placeholder", hostname: "elsewhere", unixSeconds: 1_700_000_000, rounds: 2)
  return body.withUnsafeBytes { Array($0) }
}
