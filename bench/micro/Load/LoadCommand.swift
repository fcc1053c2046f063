// A plain load client: enough to compare the server's processor time and memory with another's, on the same machine.

import ArgumentParser
import Glibc
import Protocol

enum LoadMode: String, ExpressibleByArgument, CaseIterable {
  /// Connect, shake hands, one request, close; `connections` of them at a time.
  case handshakes
  /// Requests over connections that stay.
  case requests
  /// Connections that do nothing, for memory.
  case idle
  /// All connections at once.
  case herd
}

struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Loads an mTLS server and says what one unit of it cost that server.")

  @Argument var mode: LoadMode
  @Option(help: "Port of the server on 127.0.0.1.") var port: UInt16
  @Option(help: "Process whose time and memory are read.") var pid: Int32
  @Option(help: "PEM file of the authority that signed the server's certificate and ours.") var ca: String
  @Option(help: "Its key: client certificates are made with it.") var caKey: String
  @Option(help: "Client certificates, used in turn.") var identities = 100
  @Option(help: "Handshakes, requests or connections.") var count = 1000
  @Option(help: "Connections that requests go over, or handshakes under way at a time.") var connections = 64
  @Option(help: "Rounds; each is a line, the last one the median.") var rounds = 5
  @Option(help: "Target of requests.") var path = "/api/v1/health/live"
  @Option(help: "Send a push of no metrics as the collector that enrols with this secret.") var secret: String?
  @Option(help: "Bytes of a request's body; 0 is GET.") var body = 0
  @Option(help: "Seconds of idleness, over which the server's processor time is read, too.") var seconds: UInt32 = 5

  func run() throws {
    let now = ProcessUsage.unixSeconds()
    let trust = try Self.file(ca)
    let authority = try CertificateAuthority(certificatePEM: trust, privateKeyPEM: Self.file(caKey))
    let target = LoadTarget(
      address: "127.0.0.1", port: port, tls: try TLSContext.client(trustPEM: trust), now: now)
    let client = LoadClient(target: target, identities: try Self.identities(identities, authority, now))
    switch mode {
    case .handshakes: try handshakes(client)
    case .requests: try requests(client)
    case .idle: try idle(client)
    case .herd: try herd(client)
    }
  }

  private func handshakes(_ client: LoadClient) throws {
    let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    try report("us a handshake") {
      for first in stride(from: 0, to: count, by: connections) {
        let together = try (first..<min(count, first + connections)).map { try client.connect($0) }
        for connection in together {
          try connection.finishHandshake()
          try connection.send(request.span)
        }
        for connection in together { _ = try connection.answer() }
      }
      return count
    }
  }

  private func requests(_ client: LoadClient) throws {
    let (request, identity) = try makeRequest(client)
    let all = try (0..<connections).map { index in
      let connection = try LoadConnection(client.target, identity ?? client.identity(index), number: index)
      try connection.finishHandshake()
      return connection
    }
    let rounds = count / connections
    try report("us a request") {
      for _ in 0..<rounds {
        for connection in all { try connection.send(request.span) }
        for connection in all {
          let (status, body) = try connection.answer()
          if status >= 300 { throw LoadError(description: "\(status): \(String(decoding: body, as: UTF8.self))") }
        }
      }
      return rounds * connections
    }
  }

  private func makeRequest(_ client: LoadClient) throws -> (request: [UInt8], identity: TLSIdentity?) {
    guard let secret else {
      let body = [UInt8](repeating: 0x20, count: body)
      let head = "\(body.isEmpty ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: localhost\r\n"
      let length = body.isEmpty ? "" : "Content-Length: \(body.count)\r\n"
      return (Array((head + length + "\r\n").utf8) + body, nil)
    }
    let collector = try client.enrol(secret: secret)
    var json =
      #"{"collector_id":"\#(collector.id)","hostname":"db-1.example","metrics":[],"metrics_count":0,"timestamp":"#
      + #""2026-11-22T19:33:04Z","version":"3.0.0","padding":""#
    json += String(repeating: "x", count: max(0, body - json.utf8.count - 2)) + "\"}"
    let head =
      "POST /api/v1/metrics/push HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(collector.token)\r\n"
      + "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
    return (Array((head + json).utf8), collector.identity)
  }

  private func idle(_ client: LoadClient) throws {
    let before = ProcessUsage.residentBytes(pid)
    let start = ProcessUsage.wallNanoseconds()
    let all = try (0..<count).map { index in
      let connection = try client.connect(index)
      try connection.finishHandshake()
      return connection
    }
    let up = Double(ProcessUsage.wallNanoseconds() - start) / 1e9
    sleep(2)
    let resident = ProcessUsage.residentBytes(pid)
    let used = ProcessUsage.nanoseconds(pid, withChildren: false)
    sleep(seconds)
    let idle = Double(ProcessUsage.nanoseconds(pid, withChildren: false) - used) / Double(seconds) / 1e7
    print(
      "\(all.count) connections up in \(up.text(1)) s: \((Double(resident - before) / Double(count)).text(0)) "
        + "resident bytes each, \(idle.text(2)) % of a core while idle")
  }

  private func herd(_ client: LoadClient) throws {
    for round in 1...rounds {
      let start = ProcessUsage.wallNanoseconds()
      let used = ProcessUsage.nanoseconds(pid, withChildren: false)
      let all = try (0..<count).map { try client.connect($0) }
      for connection in all { try connection.finishHandshake() }
      let cost = Double(ProcessUsage.nanoseconds(pid, withChildren: false) - used) / Double(count) / 1000
      let wall = Double(ProcessUsage.wallNanoseconds() - start) / 1e9
      print("round \(round): \(count) came in \(wall.text(2)) s, \(cost.text(1)) us a handshake")
    }
  }

  private func report(_ unit: String, _ work: () throws -> Int) throws {
    _ = try work()
    var costs: [Double] = []
    for _ in 0..<rounds {
      let used = ProcessUsage.nanoseconds(pid, withChildren: false)
      let start = ProcessUsage.wallNanoseconds()
      let units = try work()
      let cost = Double(ProcessUsage.nanoseconds(pid, withChildren: false) - used) / Double(units) / 1000
      let seconds = Double(ProcessUsage.wallNanoseconds() - start) / 1e9
      costs.append(cost)
      print("\(cost.text(2)) \(unit), \((Double(units) / seconds).text(0)) a second")
    }
    print("median \(costs.sorted()[rounds / 2].text(2)) \(unit)")
  }

  private static func identities(
    _ count: Int, _ authority: borrowing CertificateAuthority, _ now: Int64
  ) throws -> [TLSIdentity] {
    var identities: [TLSIdentity] = []
    for index in 0..<count {
      let key = try PrivateKey.generate()
      let issued = try authority.issueCollector(
        for: key, collector: .random(), hostname: "db-\(index).example", validFor: 86_400, now: now)
      identities.append(try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: key.pem()))
    }
    return identities
  }

  private static func file(_ path: String) throws -> [UInt8] {
    guard let bytes = ProcessUsage.bytes(path) else { throw LoadError(description: "\(path) cannot be read") }
    return bytes
  }
}
