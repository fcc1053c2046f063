// The secrets of channels, and the files that a channel may name.
//
// A secret is sealed with the channel key. The key is the file `channel-key` in the data directory, which the first secret
// makes, or the file that `channel_key_file` names. Servers of one database that have data directories of their own need
// the same file.

import Ground
import Protocol

/// The reason that a secret or a file of a channel cannot be used, as a sentence for people.
struct ChannelSecretFault: Error, Equatable, Sendable, CustomStringConvertible {
  let description: String
}

/// Seals and opens secrets, and reads the files of `channel_directory`. All calls read files.
struct ChannelSecrets: Sendable {
  static let fileName = "channel-key"
  /// The largest file of a channel, in bytes.
  private static let fileBytes = 256 * 1024

  private let settings: LiveSettings

  init(_ settings: LiveSettings) { self.settings = settings }

  /// Seals a secret for one channel.
  func seal(_ secret: String, of channel: UUID) throws(ChannelSecretFault) -> [UInt8] {
    try key(making: true).seal(Array(secret.utf8), context: Self.context(channel))
  }

  /// The secret of a channel, from the database or from its file; nil if it has none.
  func secret(of channel: Channel, _ target: ChannelTarget) throws(ChannelSecretFault) -> [UInt8]? {
    if let name = target.secretFile {
      var bytes = try file(name)
      while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
      if bytes.isEmpty { throw ChannelSecretFault(description: "The secret file \(name) is empty.") }
      return bytes
    }
    guard let sealed = channel.secret else { return nil }
    let key = try key(making: false)
    do throws(SealingError) {
      return try key.open(sealed, context: Self.context(channel.id))
    } catch {
      switch error {
      case .anotherKey:
        throw ChannelSecretFault(
          description: """
            The channel's secret was encrypted with the key of another server: give the servers the same channel_key_file, or \
            store the secret again.
            """)
      case .malformed, .altered:
        throw ChannelSecretFault(description: "The channel's stored secret is damaged: store it again.")
      }
    }
  }

  /// The content of a file that a channel names.
  func file(_ name: String) throws(ChannelSecretFault) -> [UInt8] {
    let directory = settings.now.channelDirectory
    if directory.isEmpty {
      throw ChannelSecretFault(description: "The channel names the file \(name), and channel_directory is not set.")
    }
    // The name was checked when the channel was stored. The check here holds for a row that somebody has changed.
    if name.contains("/") || name.hasPrefix(".") {
      throw ChannelSecretFault(description: "\(name) is not the name of a file.")
    }
    do throws(FileError) {
      return try LocalFile.require(directory + "/" + name, maximumBytes: Self.fileBytes)
    } catch {
      throw ChannelSecretFault(description: "The channel's file cannot be read: \(error).")
    }
  }

  private static func context(_ channel: UUID) -> [UInt8] { Array("pganalytics channel \(channel)".utf8) }

  /// Reads the key. - Parameter making: whether a missing key in the data directory is made.
  private func key(making: Bool) throws(ChannelSecretFault) -> SealingKey {
    let settings = settings.now
    let isOwn = settings.channelKeyFile.isEmpty
    let path = isOwn ? settings.dataDirectory + "/" + Self.fileName : settings.channelKeyFile
    let present: [UInt8]?
    do throws(FileError) { present = try LocalFile.read(path) } catch {
      throw ChannelSecretFault(description: "The channel key cannot be read: \(error).")
    }
    if let present { return try Self.key(present, path) }
    guard isOwn, making else {
      throw ChannelSecretFault(description: "The channel key \(path) is missing.")
    }
    do {
      return try LocalDirectory.locked(settings.dataDirectory) {
        // Another server of the same data directory may have made the key.
        if let bytes = try LocalFile.read(path) { return try Self.key(bytes, path) }
        let bytes = RandomBytes.generate(SealingKey.byteCount)
        try LocalFile.replace(path, with: Array((Hex.encode(bytes) + "\n").utf8), mode: 0o600)
        return try Self.key(Array(Hex.encode(bytes).utf8), path)
      }
    } catch {
      throw ChannelSecretFault(description: "The channel key cannot be made: \(error).")
    }
  }

  /// A key file has 64 hexadecimal digits on one line.
  private static func key(_ file: [UInt8], _ path: String) throws(ChannelSecretFault) -> SealingKey {
    let text = String(decoding: file, as: UTF8.self).filter { !$0.isWhitespace }
    guard let key = Hex.decode(text).flatMap({ SealingKey($0) }) else {
      throw ChannelSecretFault(description: "The channel key \(path) is not a line of 64 hexadecimal digits.")
    }
    return key
  }
}
