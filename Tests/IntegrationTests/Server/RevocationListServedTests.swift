import Glibc
import Ground
import Protocol
import Testing

@testable import App

private let openssl = "/usr/bin/openssl"

/// The lists of revoked certificates that a server signs, checked by the openssl program.
@Suite(.enabled(if: access(openssl, X_OK) == 0, "there is no \(openssl)"))
struct RevocationListServedTests {
  private func run(_ arguments: [String], _ files: [String: [UInt8]]) throws -> (isGood: Bool, output: String) {
    var template = Array("/tmp/pgs-crl-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    defer {
      for name in Array(files.keys) + ["log"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
    for (name, bytes) in files { try LocalFile.replace("\(directory)/\(name)", with: bytes) }
    do {
      try ChildProcess.run(
        [openssl] + arguments.map { files[$0] == nil ? $0 : "\(directory)/\($0)" }, output: directory + "/log")
    } catch let failure as ChildProcess.Failure {
      return (false, failure.output)
    }
    return (true, ChildProcess.text(of: directory + "/log"))
  }

  @Test func `a revoked certificate is on the list of its own authority, and a good one is not`() async throws {
    let server = try await RunningServer.start { $0.reloadInterval = .seconds(3600) }
    let admin = try await server.user(.admin)
    let (good, revoked, late) = (try await server.enrol(), try await server.enrol(), try await server.enrol())
    func revoke(_ collector: TestCollector) async throws {
      let answer = try await server.client().request("DELETE", "/api/v1/collectors/\(collector.id)", [admin])
      #expect(answer.status == 204, "\(answer)")
    }
    func list() async throws -> [UInt8] {
      let answer = try await server.client().request("GET", "/api/v1/crl")
      #expect(answer.status == 200)
      #expect(answer.field("content-type") == "application/x-pem-file")
      return answer.body
    }
    func verdict(_ collector: TestCollector, _ list: [UInt8]) throws -> (isGood: Bool, output: String) {
      let trust = try #require(try LocalFile.read(server.server.certificateAuthorityFile))
      return try run(
        ["verify", "-crl_check", "-CAfile", "ca", "-CRLfile", "crl", "leaf"],
        ["ca": trust, "crl": list, "leaf": collector.certificate.pem()])
    }
    try await revoke(revoked)
    try await server.eventually("the revoked one is not on the list") {
      let verdict = try await verdict(revoked, list())
      return !verdict.isGood && verdict.output.contains("certificate revoked")
    }
    let single = try await list()
    #expect(try verdict(good, single).isGood)

    // With two authorities there are two lists, each with the certificates of its own authority.
    let rotation = AuthorityRotation(directory: server.settings.dataDirectory, now: Int64(Glibc.time(nil)))
    _ = try rotation.add(life: 86_400)
    await server.server.reload()
    _ = try rotation.activate()
    await server.server.reload()
    let ofNew = try await server.enrol()
    try await revoke(late)
    try await revoke(ofNew)
    try await server.eventually("the revoked ones are not on the lists") {
      let lists = try await list()
      return try [revoked, late, ofNew].allSatisfy { try !verdict($0, lists).isGood }
    }
    let lists = try await list()
    #expect(lists.count > single.count)
    #expect(try verdict(good, lists).isGood)
    for collector in [revoked, late, ofNew] {
      #expect(try verdict(collector, lists).output.contains("certificate revoked"))
    }

    let binary = try await server.client().request("GET", "/api/v1/crl", [("Accept", "application/pkix-crl")])
    #expect(binary.field("content-type") == "application/pkix-crl")
    let trust = try #require(try LocalFile.read(server.server.certificateAuthorityFile))
    let read = try run(
      ["crl", "-inform", "DER", "-in", "list", "-CAfile", "ca", "-noout", "-text"], ["list": binary.body, "ca": trust])
    #expect(read.output.contains("verify OK"), "\(read.output)")
    #expect(read.output.lowercased().contains(ofNew.certificate.serialHex))
    #expect(!read.output.lowercased().contains(revoked.certificate.serialHex))
    #expect(try await server.client().request("GET", "/api/v1/crl", [("Accept", "text/html")]).status == 406)
    await server.stop()
  }
}
