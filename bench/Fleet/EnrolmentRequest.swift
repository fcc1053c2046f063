internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// What a host sends to enrol. It makes a P-256 key, which never leaves this process: only the request to certify it does.
struct EnrolmentRequest {
  let keyPEM: [UInt8]
  /// The body of the request: JSON.
  let body: [UInt8]

  init(hostname: String) {
    do {
      let key = try PrivateKey.generate()
      let request = try CertificateSigningRequest.create(for: key, commonName: hostname)
      var json = JSONWriter()
      json.object { json in
        json.member("name", hostname)
        json.member("hostname", hostname)
        json.member("version", Version.text)
        json.member("csr", String(decoding: request, as: UTF8.self))
      }
      body = json.finish().withUnsafeBytes { Array($0) }
      keyPEM = try key.pem()
    } catch {
      preconditionFailure("libcrypto makes no P-256 key: \(error)")
    }
  }

  /// - Parameter jitter: as of `Credentials.Token`.
  /// - Returns: nil if the answer lacks a member, or its certificate is not for the key.
  func credentials(from answer: HTTPAnswer, jitter: Double) -> Credentials? {
    guard let object = answer.object, let id = object.string("collector_id").flatMap({ UUID($0) }),
      let certificate = object.string("certificate"),
      let token = Credentials.Token(object, now: .now(), unixSeconds: WallClock.unixSeconds(), jitter: jitter)
    else { return nil }
    do {
      let identity = try TLSIdentity(chainPEM: Array(certificate.utf8), privateKeyPEM: keyPEM)
      return Credentials(collector: id, identity: identity, token: token)
    } catch {
      return nil  // because the caller counts it: the certificate is not for the key, or no certificate
    }
  }
}
