import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import Bench

@Suite(.serialized)
struct IdentityFileTests {
  private func path(_ name: String = "ids") -> String {
    "/tmp/pganalytics-bench-\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max))"
  }

  private func identity(_ index: Int, validFor: Int64 = 3600) throws -> StoredIdentity {
    let now = WallClock.unixSeconds()
    let authority = try CertificateAuthority.create(commonName: "test", validFor: 7200, now: now - 3600)
    let key = try PrivateKey.generate()
    let id = UUID.random()
    let issued = try authority.issueCollector(
      for: key, collector: id, hostname: "h", validFor: validFor + 3600, now: now - 3600)
    return StoredIdentity(
      index: index, collector: id, hostname: "h\"\(index)", certificate: String(decoding: issued.pem, as: UTF8.self),
      key: String(decoding: try key.pem(), as: UTF8.self), token: "t.\(index)", tokenExpiresAt: now + 100)
  }

  @Test func `an identity file is private to its owner and keeps the last identity of each number`() throws {
    let path = path()
    defer { unlink(path) }
    #expect(try IdentityFile.load(path).isEmpty, "no file, no identities")
    let (first, second, third) = (try identity(0), try identity(7), try identity(0))
    let file = try IdentityFile(path: path)
    for identity in [first, second] { try file.append(identity) }
    try IdentityFile(path: path).append(third)
    #expect(FileStatus(of: path, followingLinks: true)?.permissions == 0o600)
    #expect(try IdentityFile.load(path) == [0: third, 7: second])
    let whole = try LocalFile.require(path)
    try LocalFile.overwrite(path, with: whole + Array("{\"index\":9".utf8))
    #expect(try IdentityFile.load(path) == [0: third, 7: second], "a line without an end is no identity yet")
  }

  @Test func `a file that others may read, or that holds anything else, is refused`() throws {
    let path = path()
    defer { unlink(path) }
    try IdentityFile(path: path).append(try identity(1))
    chmod(path, 0o640)
    #expect(throws: UsageError.self) { try IdentityFile.load(path) }
    chmod(path, 0o600)
    #expect(try IdentityFile.load(path).count == 1)
    try LocalFile.overwrite(path, with: Array("{\"index\":1}\n".utf8))
    #expect(throws: UsageError(description: "--identities \(path): line 1 is no identity")) {
      try IdentityFile.load(path)
    }
  }

  @Test func `a directory gets an identity file inside it`() {
    let directory = path("dir")
    mkdir(directory, 0o700)
    defer { rmdir(directory) }
    #expect(IdentityFile.location(directory) == directory + "/identities.jsonl")
    #expect(IdentityFile.location(directory + "/x") == directory + "/x")
  }

  @Test func `an identity is usable as long as its certificate, and refreshes an old token`() throws {
    let now = WallClock.unixSeconds()
    let stored = try identity(3)
    let fresh = try #require(stored.credentials(now: .now(), unixSeconds: now, jitter: 0))
    #expect(fresh.collector == stored.collector && !fresh.needsRefresh(unixSeconds: now))
    #expect(fresh.needsRefresh(unixSeconds: now + 100))
    #expect(stored.credentials(now: .now(), unixSeconds: now + 3601, jitter: 0) == nil)
    #expect(try identity(3, validFor: -10).credentials(now: .now(), unixSeconds: now, jitter: 0) == nil)
  }

  @Test func `a second run reuses the collectors of the first run and enrols only new ones`() throws {
    let path = path()
    defer { unlink(path) }
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 4, duration: .milliseconds(50), loops: 2)
    plan.identityPath = path
    let first = try Fleet(plan: plan).run()
    #expect(first.tally.enrolled == 4 && first.tally.reused == 0)
    let enrolled = server.journal.all.enrolled

    plan = try server.plan(collectors: 6, duration: .milliseconds(50))
    plan.identityPath = path
    plan.identities = try IdentityFile.load(path)
    #expect(Set(plan.identities.values.map(\.collector.description)) == Set(enrolled))
    plan.namesCollectors = true
    let second = try Fleet(plan: plan).run()
    server.stop()
    #expect(second.tally.enrolled == 2 && second.tally.reused == 4 && second.tally.unenrolled == 0)
    #expect(second.tally.acknowledged >= 6 && second.tally.errors.isEmpty)
    #expect(server.journal.all.strangers == 0, "certificate, token and body name one collector")
    #expect(Set(second.result.collectors.map(\.description)) == Set(server.journal.all.enrolled))
    #expect(second.result.collectors.count == 6)
  }
}
