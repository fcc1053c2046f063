// The plan of a measurement of costs: the processor time or memory that a server needs for a handshake, a request or an
// idle connection. It needs no pushes and works with any mTLS server, so that two servers can be compared on one
// machine.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// The kind of measurement.
enum CostMode: String, CaseIterable, Sendable {
  /// Connect, handshake, one request, close; `connections` of them at a time.
  case handshakes
  /// Requests over connections that stay open, one at a time on each.
  case requests
  /// Connections that stay open and do nothing, to measure memory.
  case idle
  /// All connections at once.
  case herd
}

/// All parameters of one measurement.
struct CostPlan: Sendable {
  /// The request that each round repeats.
  struct Request: Sendable {
    let head: HTTPRequestTemplate
    var body: [UInt8] = []
    /// The client certificate of the collector that sends the request. Nil: the certificates of `identities` in turn.
    var identity: TLSIdentity?
  }

  let mode: CostMode
  let destination: HTTPSDestination
  /// The id of the server's process, whose time and memory are read.
  let process: Int
  /// Client certificates, used in turn. If it is empty, clients show none.
  let identities: [TLSIdentity]
  /// The number of handshakes, requests or connections of a round.
  let count: Int
  /// The number of connections for requests, or of handshakes at a time.
  let connections: Int
  let rounds: Int
  /// For `idle`: the time over which the server's processor time is read.
  let idleTime: Duration
  /// For `idle`: the time for the server to finish its work on the handshakes.
  var settleTime: Duration = .seconds(2)

  /// The largest number of connections from one local address, which has about 28,000 ports.
  private static let connectionsPerSource = 20_000

  /// Returns enough local addresses for `connections` connections to this machine: 127.0.1.1 and the following ones.
  static func sources(for connections: Int) -> [SocketAddress] {
    (0...connections / connectionsPerSource).compactMap { SocketAddress(ip: "127.0.1.\(1 + $0)", port: 0) }
  }
}
