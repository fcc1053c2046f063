import ArgumentParser
internal import Glibc
internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

extension CostMode: ExpressibleByArgument {}

/// `pganalytics-bench cost`: measures the cost of one handshake, request or connection for a server of this machine.
struct CostCommand: BenchCommand {
  /// The first word of the command line that selects this command.
  static let word = "cost"
  static let configuration = CommandConfiguration(
    commandName: "pganalytics-bench \(word)",
    abstract: "Loads an mTLS server of this machine and prints the cost of one unit of the load.")

  @Argument(
    help: ArgumentHelp(
      "handshakes: connect, one request, close. requests: requests over connections that stay open. idle: connections that do nothing, to measure memory. herd: all connections at once.",
      valueName: "handshakes|requests|idle|herd"))
  var mode: CostMode

  @Option(help: "Port of the server on 127.0.0.1.") var port: UInt16
  @Option(help: "Id of the server's process, whose time and memory are read.") var pid: Int
  @Option(help: "PEM file of the authority of the server's certificate and of the client certificates.") var ca: String
  @Option(help: "PEM file of the authority's key, which signs the client certificates.") var caKey: String
  @Option(help: "Number of client certificates, used in turn.") var identities = 100
  @Option(help: "Number of handshakes, requests or connections.") var count = 1000
  @Option(help: "Number of connections for the requests, or of handshakes at a time.") var connections = 64
  @Option(help: "Number of rounds. Each round prints a line; the last line is the median.") var rounds = 5
  @Option(help: "Target of the requests.") var path = "/api/v1/health/live"
  @Option(help: "Send a push without metrics, as the collector that enrols with this secret.") var secret: String?
  @Option(help: "Bytes of a request's body; 0 sends GET requests without a body.") var body = 0
  @Option(help: "idle: seconds over which the server's processor time is read.") var seconds = 5

  mutating func validate() throws {
    try checkRanges([
      ("--identities", identities, 0...100_000), ("--count", count, 1...1_000_000),
      ("--connections", connections, 1...100_000), ("--rounds", rounds, 1...1000), ("--body", body, 0...1 << 26),
      ("--seconds", seconds, 1...3600),
    ])
    if !path.hasPrefix("/") || !path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
      throw ValidationError("--path \(path): not a path of a server, such as /api/v1/health/live")
    }
  }

  func execute() throws -> CInt {
    let plan = try plan()
    let run = try CostRun(plan) { Terminal.write($0 + "\n", to: STDOUT_FILENO) }
    try run.run(try request(plan.destination))
    return 0
  }

  private func request(_ destination: HTTPSDestination) throws -> CostPlan.Request {
    if let secret { return try .emptyPush(to: destination, secret: secret, bodyBytes: body) }
    let head = HTTPRequestTemplate(
      own: body == 0 ? .get : .post, target: path, authority: destination.url.authority, fields: [])
    return CostPlan.Request(head: head, body: [UInt8](repeating: 0x20, count: body))
  }

  /// Makes the client certificates.
  /// - Throws: `UsageError` if a file cannot be read or has the wrong content.
  private func plan() throws(UsageError) -> CostPlan {
    let now = WallClock.unixSeconds()
    guard let url = HTTPSURL("https://127.0.0.1:\(port)"), let address = SocketAddress(ip: url.host, port: port) else {
      throw UsageError(description: "--port \(port): not a port")
    }
    do {
      let trust = try LocalFile.require(ca)
      let destination = HTTPSDestination(
        url: url, addresses: [address], sources: CostPlan.sources(for: count),
        context: try TLSContext.client(trustPEM: trust))
      let authority = try CertificateAuthority(certificatePEM: trust, privateKeyPEM: try LocalFile.require(caKey))
      let identities = try (0..<identities).map { try Self.identity($0, authority, now) }
      return CostPlan(
        mode: mode, destination: destination, process: pid, identities: identities, count: count,
        connections: min(connections, count), rounds: rounds, idleTime: .seconds(seconds))
    } catch {
      throw UsageError(description: "\(error)")
    }
  }

  private static func identity(
    _ number: Int, _ authority: borrowing CertificateAuthority, _ now: Int64
  ) throws -> TLSIdentity {
    let key = try PrivateKey.generate()
    let issued = try authority.issueCollector(
      for: key, collector: .random(), hostname: "db-\(number).example", validFor: 86_400, now: now)
    return try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: key.pem())
  }
}
