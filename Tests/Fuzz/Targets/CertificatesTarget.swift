import Protocol

/// Certificate requests, certificates and keys, as PEM and as DER.
enum CertificatesTarget {
  static func run(_ input: [UInt8]) {
    do throws(CertificateError) {
      let request = try CertificateSigningRequest(input)
      _ = request.subjectCommonName
    } catch {}
    do throws(CertificateError) {
      for certificate in try Certificate.chain(pem: input) {
        _ = certificate.fingerprintHex
        _ = certificate.names(address: "127.0.0.1")
        let pem = try certificate.pem()
        let again = try Certificate(pem: pem)
        precondition(again.fingerprintHex == certificate.fingerprintHex, "a certificate does not survive PEM")
      }
    } catch {}
    do throws(CertificateError) {
      _ = try PrivateKey(pem: input)
    } catch {}
    if let text = String(validating: input, as: UTF8.self), let id = CollectorURN.decode(text) {
      precondition(UUID(id.description) == id, "a name has two spellings")
    }
  }
}
