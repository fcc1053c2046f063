internal import Protocol

/// The identity of a collector, as it is kept between runs.
struct StoredIdentity: Sendable, Equatable {
  /// The collector's number in the fleet, from 0.
  let index: Int
  let collector: UUID
  let hostname: String
  /// PEM.
  let certificate: String
  /// PEM.
  let key: String
  let token: String
  /// Unix seconds.
  let tokenExpiresAt: Int64

  init(
    index: Int, collector: UUID, hostname: String, certificate: String, key: String, token: String,
    tokenExpiresAt: Int64
  ) {
    self.index = index
    self.collector = collector
    self.hostname = hostname
    self.certificate = certificate
    self.key = key
    self.token = token
    self.tokenExpiresAt = tokenExpiresAt
  }

  /// Reads a line of the file.
  /// - Returns: nil if `line` is not in the form of `line` of an identity.
  init?(line: Span<UInt8>) {
    do {
      guard case .object(let object) = try JSONValue.parse(line), let index = object.integer("index"), index >= 0,
        let collector = object.string("collector_id").flatMap({ UUID($0) }), let hostname = object.string("hostname"),
        let certificate = object.string("certificate"), let key = object.string("private_key"),
        let token = object.string("token"), let expiry = object.integer("token_expires_at")
      else { return nil }
      self.init(
        index: index, collector: collector, hostname: hostname, certificate: certificate, key: key, token: token,
        tokenExpiresAt: Int64(expiry))
    } catch {
      return nil  // because the caller reports the line
    }
  }

  /// The identity as a line of JSON with a line feed.
  var line: [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("index", index)
      json.member("collector_id", collector.description)
      json.member("hostname", hostname)
      json.member("certificate", certificate)
      json.member("private_key", key)
      json.member("token", token)
      json.member("token_expires_at", tokenExpiresAt)
    }
    var bytes = json.finish()
    bytes.append("\n")
    return bytes.withUnsafeBytes { Array($0) }
  }
}
