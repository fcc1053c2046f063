// The pushes of all simulations, with the rows that the database must store. A process makes them once, because making
// and decoding them takes longer than simulating them.

import GeneratedPushes

@testable import App
@testable import Protocol

/// A push of one collector, and the rows that the database must store of it.
struct StockedPush: Sendable {
  let collector: Int
  let plain: [UInt8]
  let gzip: [UInt8]
  /// The digest of the push after each of its metrics.
  let digests: [UUID]
  let day: Int32
  /// Tuples by copy target, as one decoder made them from the body in one piece.
  let tuples: [[UInt8]]
  let rowCounts: [Int]
  let logLists: LogLists
  let rowCount: Int
  let rowsRepeated: Int

  /// The id of the push in the ledger.
  var id: UUID { digests[digests.count - 1] }
  var metrics: Int { digests.count }
  var head: Int64 { Int64(bitPattern: digests[0].high) }

  /// The first table that the push has rows for.
  var firstFact: Int { tuples.firstIndex { !$0.isEmpty } ?? 0 }
}

struct PushStock: Sendable {
  /// The number of collectors. Clients of the last collector send nonsense.
  static let collectors = 5
  static let pushesPerCollector = 12
  static let familiesPerCollector = 3
  /// 2026-11-22T23:59:00Z: midnight comes soon.
  static let wallStart: Int64 = 1_795_391_940
  static let shared = PushStock()

  let catalog = CompiledCatalog()
  let pushes: [[StockedPush]]
  /// Families of pushes, by collector. Each push begins with the whole push before it, as a stock collector tries
  /// again.
  let growing: [[[StockedPush]]]
  private let byID: [UUID: StockedPush]
  let certificates: [PeerCertificate]
  let records: [UUID: CollectorRecord]
  let tlsContext: TLSContext
  let tokens: Tokens
  let router: Router

  static func id(ofCollector index: Int) -> UUID { UUID(high: 0x5151_0000_0000_4000, low: UInt64(index) + 1 | 1 << 63) }
  static func serverID(ofCollector index: Int) -> Int32 { Int32(index) + 11 }

  private init() {
    do {
      let now = Self.wallStart
      let authority = try CertificateAuthority.create(
        commonName: "simulation", validFor: 90 * 86_400, now: now - 86_400)
      let key = try PrivateKey.generate()
      let server = try authority.issueServer(
        for: key, dnsNames: ["localhost"], ipAddresses: [], validFor: 86_400, now: now)
      tlsContext = try TLSContext.server(
        certificateChainPEM: server.pem, privateKeyPEM: key.pem(), clientTrustPEM: authority.certificate.pem())
      var certificates: [PeerCertificate] = []
      var records: [UUID: CollectorRecord] = [:]
      var pushes: [[StockedPush]] = []
      var growing: [[[StockedPush]]] = []
      for index in 0..<Self.collectors {
        let id = Self.id(ofCollector: index)
        let issued = try authority.issueCollector(
          for: key, collector: id, hostname: "db\(index)", validFor: 30 * 86_400, now: now - 86_400)
        let peer = PeerCertificate(try Certificate(pem: issued.pem), verdict: .trusted)
        certificates.append(peer)
        records[id] = CollectorRecord(
          id: id, serverID: Self.serverID(ofCollector: index), hostname: "db\(index)", configVersion: 1,
          isRevoked: false, certificates: [CertificateFingerprint(peer.fingerprintHex)!])
        pushes.append((0..<Self.pushesPerCollector).map { [catalog] in Self.push($0, of: index, catalog) })
        growing.append((0..<Self.familiesPerCollector).map { [catalog] in Self.family($0, of: index, catalog) })
      }
      self.certificates = certificates
      self.records = records
      self.pushes = pushes
      self.growing = growing
      let all = Array(pushes.joined()) + growing.joined().joined()
      byID = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
      tokens = Tokens(
        keys: try JWTKeySet(signing: JWTKey(id: "k", secret: Array(repeating: 7, count: JWTKey.secretBytes))),
        settings: Settings())
      router = try Router([PushEndpoint.declaration])
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private static func push(_ number: Int, of collector: Int, _ catalog: CompiledCatalog) -> StockedPush {
    let (plain, time) = generated(number, of: collector, seed: UInt64(collector), typeCount: number % 3 == 0 ? 2 : 1)
    var metrics = elements(of: plain)
    if number % 2 == 1 { metrics.append(log(to: number, time)) }
    return decoded(
      body(of: metrics, collector, time, separator: ","), metrics: metrics, of: collector, day: day(of: time), catalog)
  }

  /// The last four lines of a log that grows by one line per push. Every third line is the same.
  private static func log(to line: Int, _ time: Int64) -> [UInt8] {
    let lines = (line..<line + 4).map { line in
      let message = line % 3 == 0 ? "deadlock detected" : "line \(line)"
      return #"{"timestamp":"2024-01-01T00:00:00Z","level":"LOG","message":"\#(message)"}"#
    }
    let time = Timestamp(unixSeconds: time).rfc3339
    return Array(
      #"{"type":"pg_log","timestamp":"\#(time)","database":"postgres","entries":[\#(lines.joined(separator: ","))]}"#
        .utf8)
  }

  private static func body(of metrics: [[UInt8]], _ collector: Int, _ time: Int64, separator: String) -> [UInt8] {
    let timestamp = Timestamp(unixSeconds: time).rfc3339
    let head = #"{"timestamp":"\#(timestamp)","collector_id":"\#(id(ofCollector: collector))","metrics":["#
    return Array(head.utf8) + metrics.joined(separator: Array(separator.utf8)) + Array("]}".utf8)
  }

  /// Pushes of 1, 2, 3 ... collections, each in an envelope of another day.
  private static func family(_ number: Int, of collector: Int, _ catalog: CompiledCatalog) -> [StockedPush] {
    var metrics: [[UInt8]] = []
    var firstDay: Int32?
    return (0..<4).map { member in
      let (plain, time) = generated(
        number * 4 + member, of: collector, seed: 1000 + UInt64(number), typeCount: 1 + (number + member) % 2)
      metrics += elements(of: plain)
      if number > 0 { metrics.append(log(to: number + member, time)) }
      firstDay = firstDay ?? day(of: time)
      let body = body(
        of: metrics, collector, time + Int64(member) * 86_400, separator: member % 2 == 0 ? "," : " ,\n ")
      return decoded(body, metrics: metrics, of: collector, day: firstDay!, catalog)
    }
  }

  private static func day(of unixSeconds: Int64) -> Int32 {
    Day(of: Timestamp(unixMicroseconds: unixSeconds * 1_000_000)).word
  }

  private static func generated(
    _ number: Int, of collector: Int, seed: UInt64, typeCount: Int
  ) -> (body: [UInt8], unixSeconds: Int64) {
    let types = MetricCatalog.types
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables, shape.queries, shape.logLines, shape.activity) = (1, 2, 2, 2, 1)
    let generator = PushGenerator(
      seed: seed, shape: shape,
      types: (0..<typeCount).map { types[(number + collector * 5 + $0 * 7) % types.count] })
    let time = wallStart - Int64(number % 3) * 86_400 - Int64(number) * 60 - Int64(seed)
    let body = generator.body(
      collectorID: id(ofCollector: collector).description, hostname: "db\(collector)", unixSeconds: time)
    return (body.withUnsafeBytes { Array($0) }, time)
  }

  private static func decoded(
    _ plain: [UInt8], metrics: [[UInt8]], of collector: Int, day: Int32, _ catalog: CompiledCatalog
  ) -> StockedPush {
    let reader = PushReader(settings: Settings(), catalog: catalog)
    let push = Push(catalog: catalog)
    push.collectorID = id(ofCollector: collector)
    var known = KnownIDs(capacity: 1024)
    let window = (wallStart - 40 * 86_400) * 1_000_000...(wallStart + 86_400) * 1_000_000
    reader.begin(serverID: serverID(ofCollector: collector), timeWindow: window)
    do throws(PushRefusal) {
      try reader.receive(plain.span, into: push, known: &known)
      try reader.finish(key: nil, into: push, known: &known)
    } catch { preconditionFailure("\(error)") }
    precondition(push.rows.rowCount > 0 && push.summary.rejectedTotal == 0)
    let targets = catalog.targets.indices
    return StockedPush(
      collector: collector, plain: plain, gzip: GzipDeflater.gzip(plain, level: 1),
      digests: digests(of: metrics, serverID: serverID(ofCollector: collector)), day: day,
      tuples: targets.map { push.withTuples(of: $0) { span in span.withUnsafeBufferPointer { Array($0) } } },
      rowCounts: targets.map { push.rows.rowCount(of: $0) }, logLists: push.rows.logLists,
      rowCount: Int(push.summary.rows),
      rowsRepeated: Int(push.summary.rowsRepeated))
  }

  /// The digests of metrics, computed here a second time.
  static func digests(of metrics: [[UInt8]], serverID: Int32) -> [UUID] {
    var last = UUID(high: 0x7067_616E_7075_7368, low: UInt64(UInt32(bitPattern: serverID)))
    return metrics.map { metric in
      last = UUID(bytes: Digest.sha256(last.bytes + metric).span.extracting(0..<16))!
      return last
    }
  }

  /// The elements of `metrics`, byte for byte.
  private static func elements(of body: [UInt8]) -> [[UInt8]] {
    let marker = Array(#""metrics":["#.utf8)
    var position = body.indices.first { body[$0...].starts(with: marker) }! + marker.count
    var elements: [[UInt8]] = []
    var (depth, start, isText) = (0, position, false)
    while depth > 0 || body[position] != UInt8(ascii: "]") {
      switch body[position] {
      case UInt8(ascii: "\\"): position += 1
      case UInt8(ascii: "\""): isText.toggle()
      case UInt8(ascii: "{") where !isText, UInt8(ascii: "[") where !isText:
        if depth == 0 { start = position }
        depth += 1
      case UInt8(ascii: "}") where !isText, UInt8(ascii: "]") where !isText:
        depth -= 1
        if depth == 0 { elements.append(Array(body[start...position])) }
      default: break  // a byte between elements
      }
      position += 1
    }
    return elements
  }

  /// The push with this id; nil if the stock has none.
  func push(_ id: UUID) -> StockedPush? { byID[id] }

  /// The push that consists of the first `metrics` metrics of `push`; nil if the stock has none.
  func beginning(of push: StockedPush, metrics: Int) -> StockedPush? { byID[push.digests[metrics - 1]] }
}
