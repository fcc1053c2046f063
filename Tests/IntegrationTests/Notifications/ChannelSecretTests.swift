import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// The channel key and the files that channels name.
@Suite struct ChannelSecretTests {
  private let directory: String
  private let id = UUID.random()

  init() throws { directory = try LocalDirectory.makeUnique(prefix: "/tmp/pga-secrets-") }

  private func secrets(_ change: (inout Settings) -> Void = { _ in }) -> ChannelSecrets {
    var settings = Settings()
    settings.dataDirectory = directory
    change(&settings)
    return ChannelSecrets(LiveSettings(settings))
  }

  private func channel(_ secret: [UInt8]?) -> Channel {
    Channel(
      id: id, name: "c", kind: .webhook, target: ChannelTarget(url: "https://x").document, secret: secret,
      template: nil, severities: [], checks: [], labels: [], isOn: true, messagesPerMinute: 1)
  }

  private func open(_ sealed: [UInt8]?, _ secrets: ChannelSecrets, file: String? = nil) throws -> String? {
    var target = ChannelTarget(url: "https://x")
    target.secretFile = file
    return try secrets.secret(of: channel(sealed), target).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `the first secret makes the key, which only the owner reads and every server of the directory uses`()
    throws
  {
    #expect(throws: ChannelSecretFault.self) { try open([1, 2, 3], secrets()) }
    #expect(try LocalFile.read(directory + "/channel-key") == nil, "reading makes no key")
    let sealed = try secrets().seal("hush", of: id)
    #expect(FileStatus(of: directory + "/channel-key")?.permissions == 0o600)
    #expect(try open(sealed, secrets()) == "hush")
    #expect(try open(nil, secrets()) == nil)
  }

  @Test func `a key file is shared by servers of several directories`() throws {
    let file = directory + "/shared"
    try LocalFile.replace(file, with: Array((String(repeating: "0a", count: 32) + "\n").utf8))
    let sealed = try secrets { $0.channelKeyFile = file }.seal("hush", of: id)
    #expect(try LocalFile.read(directory + "/channel-key") == nil)
    #expect(
      try open(
        sealed,
        secrets {
          $0.channelKeyFile = file
          $0.dataDirectory = "/nowhere"
        }) == "hush")
    _ = try secrets().seal("other", of: id)
    #expect {
      try open(sealed, secrets())
    } throws: { "\($0)".contains("channel_key_file") }
    #expect(throws: ChannelSecretFault.self) { try secrets { $0.channelKeyFile = "/nowhere" }.seal("x", of: id) }
    try LocalFile.replace(file, with: Array("0a0b".utf8))
    #expect {
      try secrets { $0.channelKeyFile = file }.seal("x", of: id)
    } throws: { "\($0)".contains("64 hexadecimal") }
  }

  @Test func `a secret of one channel does not open for another`() throws {
    let sealed = try secrets().seal("hush", of: UUID.random())
    #expect {
      try open(sealed, secrets())
    } throws: { "\($0)".contains("damaged") }
  }

  @Test func `channels name files of one directory only`() throws {
    try LocalFile.replace(directory + "/password", with: Array("from a file\r\n".utf8))
    #expect(try open(nil, secrets { $0.channelDirectory = directory }, file: "password") == "from a file")
    #expect {
      try open(nil, secrets(), file: "password")
    } throws: { "\($0)".contains("channel_directory") }
    for name in ["../password", "/etc/passwd", ".hidden", "missing"] {
      #expect(throws: ChannelSecretFault.self) {
        try open(nil, secrets { $0.channelDirectory = directory }, file: name)
      }
    }
    try LocalFile.replace(directory + "/empty", with: [10])
    #expect {
      try open(nil, secrets { $0.channelDirectory = directory }, file: "empty")
    } throws: { "\($0)".contains("empty") }
  }
}
