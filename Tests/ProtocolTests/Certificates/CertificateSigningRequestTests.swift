import Testing

@testable import Protocol

struct CertificateSigningRequestTests {
  @Test func `a request becomes a certificate for its key, with names that the authority chooses`() throws {
    let test = try TestAuthority()
    let key = try PrivateKey.generate()
    let request = try CertificateSigningRequest(CertificateSigningRequest.create(for: key, commonName: "intruder"))
    #expect(request.subjectCommonName == "intruder")
    let id = UUID.random()
    let issued = try test.authority.issueCollector(
      for: request, collector: id, hostname: "db-1", validFor: day, now: testNow)
    // The initialiser throws unless certificate and key belong together.
    _ = try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: try key.pem())
    let certificate = try Certificate(pem: issued.pem)
    #expect(certificate.subjectCommonName == "db-1")
    #expect(CollectorURN.collector(among: certificate.uniformResourceIdentifiers) == id)
  }

  @Test(arguments: [RequestFixtures.rsa2048, RequestFixtures.p384, RequestFixtures.ed25519])
  func `strong keys of other kinds are accepted`(pem: String) throws {
    let test = try TestAuthority()
    let request = try CertificateSigningRequest(Array(pem.utf8))
    #expect(request.subjectCommonName == "db-1.example")
    let issued = try test.authority.issueCollector(
      for: request, collector: UUID.random(), hostname: "h", validFor: day, now: testNow)
    #expect(try Certificate(pem: issued.pem).notAfter == testNow + day)
  }

  @Test(arguments: [
    (RequestFixtures.rsa1024, CertificateError.weakKey(bits: 1024)),
    (RequestFixtures.k256, .unsupportedKey),
    (RequestFixtures.explicit, .unsupportedKey),
  ])
  func `weak keys and unusual curves are refused`(pem: String, error: CertificateError) {
    #expect(throws: error) { _ = try CertificateSigningRequest(Array(pem.utf8)) }
  }

  @Test func `a request is read as DER as well, and any changed bit is noticed`() throws {
    let der = try Self.der(of: RequestFixtures.p384)
    _ = try CertificateSigningRequest(der)
    for index in der.indices {
      var tampered = der
      tampered[index] ^= 0x01
      #expect(throws: CertificateError.self, "byte \(index)") { _ = try CertificateSigningRequest(tampered) }
    }
  }

  @Test func `a request with a changed name fails the proof of possession`() throws {
    var der = try Self.der(of: RequestFixtures.p384)
    let name = Array("db-1".utf8)
    let position = try #require(der.indices.first { der[$0...].starts(with: name) })
    der[position] = UInt8(ascii: "x")
    #expect(throws: CertificateError.proofOfPossessionFailed) { _ = try CertificateSigningRequest(der) }
  }

  @Test func `a request of the maximum size is read, and one byte more is refused`() throws {
    let request = Array(RequestFixtures.p384.utf8) + [0x0A]
    let padding = [UInt8](repeating: 0x0A, count: CertificateSigningRequest.maximumBytes - request.count)
    _ = try CertificateSigningRequest(request + padding)
    #expect(throws: CertificateError.tooLarge) { _ = try CertificateSigningRequest(request + padding + [0x0A]) }
  }

  @Test func `mutated PEM and DER never crash and never yield another name`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    let corpus = [Array(RequestFixtures.p384.utf8), try Self.der(of: RequestFixtures.ed25519)]
    for round in 0..<300 {
      let mutated = generator.mutate(corpus[round % corpus.count])
      do throws(CertificateError) {
        let request = try CertificateSigningRequest(mutated)
        #expect(request.subjectCommonName == "db-1.example", "seed \(seed), round \(round)")
      } catch {}
      _ = try? Certificate.chain(pem: mutated)  // because only a crash would be a finding here
      _ = try? PrivateKey(pem: mutated)  // because only a crash would be a finding here
    }
  }

  /// The DER bytes of a PEM text.
  private static func der(of pem: String) throws -> [UInt8] {
    let lines = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }
    let text = lines.joined().filter { $0 != "=" }
    let der = Base64.standard.decode(Array(text.utf8).span)
    return try #require(der)
  }
}
