// The pushes that simulations draw from, with what they must become: made once a process, because making and decoding them
// takes longer than simulating them.

@testable import App
@testable import Protocol

/// A push of one collector as a client has it, and what the database must have of it.
struct StockedPush: Sendable {
  let collector: Int
  let plain: [UInt8]
  let gzip: [UInt8]
  /// What the ledger knows it by.
  let id: UUID
  let day: Int32
  /// By copy target, as one decoder made them from the body in one piece.
  let tuples: [[UInt8]]
  let rowCounts: [Int]
  let rowCount: Int

  /// The first table that it has rows for.
  var firstFact: Int { tuples.firstIndex { !$0.isEmpty } ?? 0 }
}

struct PushStock: Sendable {
  /// The last one's clients send nonsense.
  static let collectors = 5
  static let pushesPerCollector = 12
  /// 2026-11-22T23:59:00Z: midnight comes soon.
  static let wallStart: Int64 = 1_795_391_940
  static let shared = PushStock()

  let catalog = CompiledCatalog()
  let pushes: [[StockedPush]]
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
      }
      self.certificates = certificates
      self.records = records
      self.pushes = pushes
      byID = Dictionary(uniqueKeysWithValues: pushes.joined().map { ($0.id, $0) })
      tokens = Tokens(
        keys: try JWTKeySet(signing: JWTKey(id: "k", secret: Array(repeating: 7, count: JWTKey.secretBytes))),
        settings: Settings())
      router = try Router([PushEndpoint.declaration])
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private static func push(_ number: Int, of collector: Int, _ catalog: CompiledCatalog) -> StockedPush {
    let types = MetricCatalog.types
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables, shape.queries, shape.logLines, shape.activity) = (1, 2, 2, 2, 1)
    let chosen = number % 3 == 0 ? 2 : 1
    let generator = PushGenerator(
      seed: UInt64(collector), shape: shape,
      types: (0..<chosen).map { types[(number + collector * 5 + $0 * 7) % types.count] })
    let time = wallStart - Int64(number % 3) * 86_400 - Int64(number) * 60
    let body = generator.body(
      collectorID: id(ofCollector: collector).description, hostname: "db\(collector)", unixSeconds: time)
    let plain = body.withUnsafeBytes { Array($0) }
    let reader = PushReader(settings: Settings(), catalog: catalog)
    let push = Push(catalog: catalog)
    push.collectorID = id(ofCollector: collector)
    var known = KnownIDs(capacity: 1024)
    let window = (time - 40 * 86_400) * 1_000_000...(time + 86_400) * 1_000_000
    reader.begin(serverID: serverID(ofCollector: collector), timeWindow: window)
    do throws(PushRefusal) {
      try reader.receive(plain.span, into: push, known: &known)
      try reader.finish(key: nil, into: push, known: &known)
    } catch { preconditionFailure("\(error)") }
    precondition(push.rows.rowCount > 0 && push.summary.rejectedTotal == 0)
    let targets = catalog.targets.indices
    return StockedPush(
      collector: collector, plain: plain, gzip: GzipDeflater.gzip(plain, level: 1),
      id: ledgerID(ofCollector: collector, mark: 0, Digest.sha256(plain)),
      day: Day(of: Timestamp(unixMicroseconds: time * 1_000_000)).word,
      tuples: targets.map { push.withTuples(of: $0) { span in span.withUnsafeBufferPointer { Array($0) } } },
      rowCounts: targets.map { push.rows.rowCount(of: $0) }, rowCount: Int(push.summary.rows))
  }

  /// The ledger's key, worked out here once more: collector, whether there is a key (1) or content (0), and that.
  static func ledgerID(ofCollector index: Int, mark: UInt8, _ content: [UInt8]) -> UUID {
    let digest = Digest.sha256(id(ofCollector: index).bytes + [mark] + content)
    return UUID(bytes: digest.span.extracting(0..<16))!
  }

  /// Nil for what no client has that means what it sends.
  func push(_ id: UUID) -> StockedPush? { byID[id] }
}
