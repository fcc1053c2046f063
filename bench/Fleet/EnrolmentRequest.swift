internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// The enrolment request of a host. It makes a P-256 key. The request holds only the public key and a request to
/// certify it; the private key stays in this process, or in the file of identities.
struct EnrolmentRequest {
  let keyPEM: [UInt8]
  /// The JSON body of the request.
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

  /// Reads the credentials from an answer.
  /// - Parameter jitter: as in `Credentials.Token`.
  /// - Returns: nil if the answer lacks a member, or if its certificate is not for the key.
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
