import Glibc
import Ground
import Protocol
import Testing

@testable import App

private let day: Int64 = 86_400

/// Certificates and keys in the data directory: which ones the server makes, which ones it leaves alone, and how a
/// running server follows.
@Suite struct ServerCertificateTests {
  private static let names = ServerNames(dns: ["localhost", "db"], addresses: ["127.0.0.1", "::1"])

  private func withDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/pgs-crt-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    defer {
      for name in AuthorityFiles.Name.allCases.map(\.rawValue) + ["server.crt", "server.key", "server.made", ".lock"] {
        unlink("\(directory)/\(name)")
      }
      rmdir(directory)
    }
    return try await body(directory)
  }

  private func certificate(in directory: String, _ names: ServerNames = names) -> ServerCertificate {
    ServerCertificate(directory: directory, names: names, life: Live(constant: .seconds(90 * day)))
  }

  /// A chain of a foreign authority, and its key. - Returns: both, with the authority to trust.
  private static func foreign(now: Int64) throws -> (chain: [UInt8], key: [UInt8], trust: [UInt8]) {
    let stranger = try CertificateAuthority.create(commonName: "Corporate CA", validFor: 365 * day, now: now)
    let key = try PrivateKey.generate()
    let issued = try stranger.issueServer(
      for: key, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], validFor: 30 * day, now: now)
    return (issued.pem, try key.pem(), try stranger.certificate.pem())
  }

  @Test func `an own certificate is renewed in its last third, for other names, and by a new authority`() async throws {
    try await withDirectory { directory in
      let now = Int64(Glibc.time(nil))
      let rotation = AuthorityRotation(directory: directory, now: now)
      let authority = try rotation.openOrCreate(life: 3650 * day)
      let first = try certificate(in: directory).current(authority, now: now)
      let leaf = try Certificate(pem: first.chain)
      #expect(leaf.dnsNames == ["localhost", "db"])
      #expect(leaf.notAfter == now + 90 * day)
      #expect(try certificate(in: directory).current(authority, now: now + 59 * day) == first)
      let second = try certificate(in: directory).current(authority, now: now + 61 * day)
      #expect(second != first)
      #expect(try certificate(in: directory).current(authority, now: now + 62 * day) == second)

      var more = Self.names
      more = ServerNames(dns: more.dns + ["further"], addresses: more.addresses)
      let third = try certificate(in: directory, more).current(authority, now: now + 62 * day)
      #expect(try Certificate(pem: third.chain).dnsNames.contains("further"))
      let address = ServerNames(dns: more.dns, addresses: more.addresses + ["192.0.2.7"])
      let fourth = try certificate(in: directory, address).current(authority, now: now + 62 * day)
      #expect(try Certificate(pem: fourth.chain).names(address: "192.0.2.7"))

      _ = try rotation.add(life: 3650 * day)
      let used = try rotation.activate()
      #expect(try certificate(in: directory, address).current(used, now: now + 62 * day) == fourth)
      try LocalFile.remove(AuthorityFiles.Name.previousKey.path(in: directory))
      let alone = try Authority(try #require(try AuthorityFiles.read(directory)))
      let fifth = try certificate(in: directory, address).current(alone, now: now + 62 * day)
      #expect(try Certificate(pem: fifth.chain).authorityKeyIDHex == alone.current.certificate.subjectKeyIDHex)
    }
  }

  @Test func `a foreign certificate is used as it is and never replaced`() async throws {
    try await withDirectory { directory in
      let now = Int64(Glibc.time(nil))
      let authority = try AuthorityRotation(directory: directory, now: now).openOrCreate(life: 3650 * day)
      _ = try certificate(in: directory).current(authority, now: now)
      let foreign = try Self.foreign(now: now)
      try LocalFile.replace(directory + "/server.key", with: foreign.key)
      try LocalFile.replace(directory + "/server.crt", with: foreign.chain)
      let other = ServerNames(dns: ["elsewhere"], addresses: [])
      let files = try certificate(in: directory, other).current(authority, now: now + 40 * day)
      #expect(files.chain == foreign.chain && files.key == foreign.key)
    }
  }

  @Test func `private keys are readable by their owner alone`() async throws {
    try await withDirectory { directory in
      let now = Int64(Glibc.time(nil))
      let rotation = AuthorityRotation(directory: directory, now: now)
      _ = try certificate(in: directory).current(try rotation.openOrCreate(life: day), now: now)
      _ = try rotation.add(life: day)
      for name in ["ca.key", "ca-next.key", "server.key"] {
        var status = stat()
        #expect(stat("\(directory)/\(name)", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600, "\(name)")
      }
    }
  }

  @Test func `a running server uses a new certificate for new connections, and open ones go on`() async throws {
    let server = try await RunningServer.start { $0.reloadInterval = .milliseconds(100) }
    let open = try await server.client()
    let directory = server.settings.dataDirectory
    let foreign = try Self.foreign(now: Int64(Glibc.time(nil)))
    let fingerprint = try Certificate(pem: foreign.chain).fingerprintHex
    try LocalFile.replace(directory + "/server.key", with: foreign.key)
    try LocalFile.replace(directory + "/server.crt", with: foreign.chain, mode: 0o644)
    let trust = server.trust + foreign.trust
    try await server.eventually("the certificate is not used") {
      try await server.client(trusting: trust).serverFingerprint == fingerprint
    }
    #expect(try await open.request("GET", "/api/v1/health/live").status == 200)
    #expect(open.serverFingerprint != fingerprint)
    let end = try Certificate(pem: foreign.chain).notAfter
    #expect(
      try await server.counts(
        "pganalytics_certificate_not_after_seconds{certificate=\"server\"} \(end)", trusting: trust))
    #expect(try LocalFile.read(directory + "/server.crt") == foreign.chain)
    await server.stop()
  }

  @Test(arguments: ["server.crt", "server.key", "ca.crt", "ca.key"])
  func `a broken file changes nothing, is counted once, and its repair is noticed`(name: String) async throws {
    let server = try await RunningServer.start { $0.reloadInterval = .seconds(3600) }
    let path = server.settings.dataDirectory + "/" + name
    let good = try #require(try LocalFile.read(path))
    let before = try await server.client().serverFingerprint
    let damages: [[UInt8]?] = [[], Array("-----BEGIN nothing".utf8), good.dropLast(40) + [], nil]
    for (index, damage) in damages.enumerated() {
      if let damage { try LocalFile.replace(path, with: damage) } else { try LocalFile.remove(path) }
      await server.server.reload()
      await server.server.reload()
      // A missing server certificate is made anew. No other missing file is.
      if damage == nil, name.hasPrefix("server") { break }
      #expect(try await server.counts("pganalytics_reload_failures_total \(index + 1)"), "\(name) \(index)")
      #expect(try await server.counts("pganalytics_reload_failing 1"))
      #expect(try await server.client().serverFingerprint == before)
      let collector = try await server.enrol()
      #expect(try await collector.push(collector.push(of: [])).status == 200)
      try LocalFile.replace(path, with: good)
      await server.server.reload()
      #expect(try await server.counts("pganalytics_reload_failing 0"))
    }
    await server.stop()
  }

  @Test func `connections of an authority that was removed from the file are closed`() async throws {
    let server = try await RunningServer.start { $0.reloadInterval = .seconds(3600) }
    let directory = server.settings.dataDirectory
    let rotation = AuthorityRotation(directory: directory, now: Int64(Glibc.time(nil)))
    let old = try await server.enrol()
    _ = try rotation.add(life: day)
    await server.server.reload()
    _ = try rotation.activate()
    await server.server.reload()
    let new = try await server.enrol()
    let (ofOld, ofNew) = (try await old.client(), try await new.client())
    for (collector, client) in [(old, ofOld), (new, ofNew)] {
      #expect(try await collector.push(collector.push(of: []), over: client).status == 200)
    }
    let authorities = try Certificate.chain(pem: try #require(try LocalFile.read(directory + "/ca.crt")))
    #expect(authorities.count == 2)
    try LocalFile.remove(directory + "/ca-previous.key")
    try LocalFile.replace(directory + "/ca.crt", with: try authorities[1].pem())
    await server.server.reload()
    #expect(try await ofOld.isClosedByServer())
    #expect(try await new.push(new.push(of: []), over: ofNew).status == 200)
    let again = try await server.client(old.identity, trusting: authorities[1].pem())
    #expect(try await old.push(old.push(of: []), over: again).error == "certificate_required")
    await server.stop()
  }
}
