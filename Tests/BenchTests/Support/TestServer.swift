// A server small enough to be judged by eye, on real sockets with real TLS: it enrols, acknowledges, and does to its
// clients what a test tells it to.

import GeneratedPushes
import HTTPClient
import Protocol
import Reactor
import Synchronization

@testable import Bench

/// What the server does with one push.
enum Reply: Sendable {
  /// Stores it, unless it has it, and says so.
  case acknowledge
  /// As `acknowledge`, so much later.
  case acknowledgeAfter(Duration)
  /// Stores it and closes the connection instead of answering: the client cannot know.
  case storeSilently
  /// Closes the connection without a word.
  case drop
  /// Stores it and says so, and closes in good order.
  case acknowledgeClosing
  case refuse(UInt16, slug: String, retryAfter: Int?)
}

/// A push as it came in.
struct Arrival: Sendable {
  let collector: String
  /// How many the collector has sent before.
  let earlier: Int
  let body: [UInt8]
  let isGzip: Bool
  let token: String
  let time: MonotonicTime

  /// Byte for byte. A failed `#expect` would otherwise print both.
  func hasSameBody(as other: Arrival) -> Bool { body == other.body }
}

/// What the server saw, readable from any thread.
final class ServerJournal: Sendable {
  struct Entries: Sendable {
    var connections = 0
    var enrolled: [String] = []
    var arrivals: [Arrival] = []
    /// Bodies stored, by collector, each once.
    var stored: [String: Set<[UInt8]>] = [:]
    var acknowledged = 0
    var refreshes = 0
    /// Answered to readers.
    var reads = 0
    /// Pushes whose certificate, token and body did not name one collector.
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

  /// Ends `run` as soon as the entries are enough, however fast or slow the machine is.
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

  /// - Parameters: what to do with each registration, counted from 0, and with each push; `isCredulous`: takes broken
  ///   JSON and forged certificates, and calls nothing a duplicate.
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
