// Measurements of what one unit of work costs a server: its processor time and memory for a handshake, a request, an idle
// connection. They need no pushes and no pgAnalytics, so that two servers can be compared on one machine.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// What is measured.
enum CostMode: String, CaseIterable, Sendable {
  /// Connect, shake hands, one request, close; `connections` of them at a time.
  case handshakes
  /// Requests over connections that stay, one at a time on each.
  case requests
  /// Connections that stay and do nothing, for memory.
  case idle
  /// All connections at once.
  case herd
}

struct CostPlan: Sendable {
  /// The request that is sent again and again.
  struct Request: Sendable {
    let head: HTTPRequestTemplate
    var body: [UInt8] = []
    /// Of the collector that the request is from. Nil: `identities` in turn.
    var identity: TLSIdentity?
  }

  let mode: CostMode
  let destination: HTTPSDestination
  /// The server's process: whose time and memory are read.
  let process: Int
  /// Client certificates, in turn. Empty: none is shown.
  let identities: [TLSIdentity]
  /// Handshakes, requests or connections of a round.
  let count: Int
  /// Connections that requests go over, or handshakes under way at a time.
  let connections: Int
  let rounds: Int
  /// Of `idle`: over which the server's processor time is read.
  let idleTime: Duration
  /// Of `idle`: what the handshakes leave to be done in the server is over after this time.
  var settleTime: Duration = .seconds(2)

  /// Connections from one local address: it has about 28,000 ports.
  private static let connectionsPerSource = 20_000

  /// Local addresses for so many connections to this machine: 127.0.1.1 and those behind it.
  static func sources(for connections: Int) -> [SocketAddress] {
    (0...connections / connectionsPerSource).compactMap { SocketAddress(ip: "127.0.1.\(1 + $0)", port: 0) }
  }
}
