// The requirements on each reader of foreign bytes, for any input: the reader ends, it keeps its limits, and its result
// does not depend on how the bytes are cut. A target ends the process if one is violated. `scripts/fuzz` searches for
// such input with libFuzzer. The tests run the same targets on the corpora in Tests/Fuzz/Corpus and on mutations of
// them.

public enum FuzzTarget: String, CaseIterable, Sendable {
  case http
  case httpClient = "http-client"
  case gzip
  case json
  case metrics
  case jwt
  case toml
  case certificates
  case proxy
  case smtp

  public func run(_ input: [UInt8]) {
    switch self {
    case .http: HTTPTarget.run(input)
    case .httpClient: HTTPClientTarget.run(input)
    case .gzip: GzipTarget.run(input)
    case .json: JSONTarget.run(input)
    case .metrics: MetricsTarget.run(input)
    case .jwt: JWTTarget.run(input)
    case .toml: TOMLTarget.run(input)
    case .certificates: CertificatesTarget.run(input)
    case .proxy: ProxyTarget.run(input)
    case .smtp: SMTPTarget.run(input)
    }
  }
}

/// Cuts input into pieces. The cuts depend only on the input, so the same bytes reproduce a finding.
struct Cuts {
  private var state: UInt64

  init(of input: [UInt8]) {
    // FNV-1a, 64 bits.
    state = input.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// The end of the piece that begins at `start`: 1 to 64 bytes further, mostly few.
  mutating func end(after start: Int, of count: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let step = state >> 62 == 0 ? 1 + Int(state >> 33 & 63) : 1 + Int(state >> 33 & 3)
    return min(count, start + step)
  }
}
