import Glibc
import Ground
import Protocol
import Testing

@testable import App

private let openssl = "/usr/bin/openssl"

/// Signing requests of the openssl program: what the server takes from them, and which ones it refuses.
@Suite(.enabled(if: access(openssl, X_OK) == 0, "there is no \(openssl)"))
struct SigningRequestTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  /// Runs `body` with a directory of its own.
  private func withDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/pgs-csr-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    defer {
      for name in ["key", "csr", "chain", "leaf", "log"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
    return try await body(directory)
  }

  /// Makes a key with `options` and a request for it. - Returns: PEM of both.
  private func request(_ options: [String], _ further: [String] = []) async throws -> (csr: String, key: [UInt8]) {
    try await withDirectory { directory in
      try ChildProcess.run(
        [openssl, "req", "-new", "-nodes", "-subj", "/O=Nobody/CN=intruder", "-keyout", directory + "/key"]
          + ["-out", directory + "/csr"] + options + further, output: directory + "/log")
      return (
        ChildProcess.text(of: directory + "/csr"), Array(ChildProcess.text(of: directory + "/key").utf8)
      )
    }
  }

  @Test(arguments: [
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ["-newkey", "rsa:2048"], ["-newkey", "ed25519"],
  ])
  func `a good key is certified without the names of its request, and openssl agrees`(_ key: [String]) async throws {
    let server = try await server()
    let victim = try await server.enrol()
    let made = try await request(
      key, ["-addext", "subjectAltName=URI:\(CollectorURN.encode(victim.id)),DNS:localhost"])
    let answer = try await server.register(csr: made.csr)
    #expect(answer.json["private_key"] == nil)
    let collector = try TestCollector(answer, keyPEM: made.key, server: server)
    #expect(collector.id != victim.id)
    #expect(collector.certificate.uniformResourceIdentifiers == [CollectorURN.encode(collector.id)])
    #expect(collector.certificate.dnsNames.isEmpty)
    #expect(collector.certificate.subjectCommonName == "db.example.com")
    #expect(try await collector.push(collector.push(of: [])).status == 200)
    try await withDirectory { directory in
      try LocalFile.replace(directory + "/chain", with: Array(try #require(answer.json["ca_certificate"]?.text).utf8))
      try LocalFile.replace(directory + "/leaf", with: try collector.certificate.pem())
      try ChildProcess.run(
        [openssl, "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", directory + "/chain"]
          + [directory + "/leaf"], output: directory + "/log")
    }
  }

  @Test(arguments: [
    (["-newkey", "rsa:1024"], "1024 bits"), (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "P-256"),
    (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"], "P-256"),
  ])
  func `a weak or unsupported key is refused, and the answer names the good kinds`(
    _ key: [String], _ said: String
  ) async throws {
    let made = try await request(key)
    let answer = try await server().register(csr: made.csr)
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.error == "validation_failed")
    #expect(answer.json["details"]?.text?.contains(said) == true, "\(answer)")
  }

  @Test func `a request that was signed by another key is refused`() async throws {
    let made = try await request(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    var lines = made.csr.split(separator: "\n").map(String.init)
    // In the middle of the signature's last integer, so that the request still parses.
    var last = Array(lines[lines.count - 3])
    last[last.count - 5] = last[last.count - 5] == "A" ? "B" : "A"
    lines[lines.count - 3] = String(last)
    let answer = try await server().register(csr: lines.joined(separator: "\n") + "\n")
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.json["details"]?.text?.contains("not signed by its own key") == true, "\(answer)")
  }
}
