import Protocol
import Testing

@testable import App

@Suite struct BackupManifestTests {
  private static let manifest = BackupManifest(
    program: "0.1.0", madeAt: Timestamp(unixMicroseconds: 1_790_000_000_123_456),
    database: BackedUpDatabase(
      schema: 19, storage: .timescale, serverVersion: 150_020, dumpVersion: 15, timescale: "2.14.2",
      grantees: ["grafana", "a \"quoted\" role"]),
    files: [
      .init(path: "database/toc.dat", bytes: 12_345, sha256: String(repeating: "0f", count: 32)),
      .init(path: "data/ca.key", bytes: 241, sha256: String(repeating: "a0", count: 32)),
    ])

  @Test func `a manifest reads back as it was written`() throws {
    #expect(try BackupManifest(Self.manifest.encoded()) == Self.manifest)
    #expect(Self.manifest.bytes == 12_586)
  }

  @Test(arguments: [1, 2, 16, 128] as [UInt8])
  func `a manifest with any flipped bit is refused`(_ bit: UInt8) {
    let text = Self.manifest.encoded()
    for index in text.indices {
      var damaged = text
      damaged[index] ^= bit
      #expect(throws: BackupManifest.Fault.self, "\(String(decoding: damaged, as: UTF8.self))") {
        try BackupManifest(damaged)
      }
    }
  }

  @Test func `a manifest that ends early is refused, and one of a newer form is named`() throws {
    let text = Self.manifest.encoded()
    for count in 0..<text.count - 1 {
      #expect(throws: BackupManifest.Fault.damaged) { try BackupManifest(Array(text.prefix(count))) }
    }
    let newer = String(decoding: text, as: UTF8.self).replacing("\"format\":1", with: "\"format\":2")
    #expect(throws: BackupManifest.Fault.newer(format: 2)) { try BackupManifest(Array(newer.utf8)) }
  }
}
