// Writes the acknowledged pushes to a file, one per line. A crash test compares it with the database. Several shards
// append to one file; each writes whole lines, and O_APPEND keeps them whole (write(2)).

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// One shard's access to the log of acknowledged pushes.
final class AcknowledgementLog {
  private let path: String
  private let file: FileDescriptor
  private var lines = ByteBuffer()

  /// Empties the file, or makes it.
  /// - Important: all shards open the file one after the other, before any of them writes.
  init(path: String) throws(FileError) {
    self.path = path
    file = FileDescriptor(owning: try LocalFile.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o644))
  }

  /// Adds the line `push_id collector_id rows_inserted duplicate(true|false)`.
  func note(push: String, collector: UUID, rows: Int, isDuplicate: Bool) {
    lines.append(utf8: "\(push) \(collector) \(rows) \(isDuplicate)\n")
  }

  /// Writes the added lines. If the disk is full the program ends, because an incomplete log would show a fault that
  /// the server does not have.
  func flush() {
    if lines.isEmpty { return }
    do {
      try LocalFile.append(lines.withUnsafeBytes { Array($0) }[...], to: file.raw, path: path)
    } catch {
      preconditionFailure("\(error)")
    }
    lines.removeAll()
  }
}
