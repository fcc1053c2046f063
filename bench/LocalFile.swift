// The few files a bench reads and writes, by plain system calls.

internal import Glibc
internal import Reactor

/// What could not be done with which file.
struct LocalFileError: Error, Equatable, CustomStringConvertible {
  let path: String
  let error: SystemCallError

  var description: String { "\(path): \(error)" }
}

enum LocalFile {
  static func read(_ path: String) throws(LocalFileError) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file.raw, &chunk, chunk.count)
      if count < 0 { throw LocalFileError(path: path, error: SystemCallError(call: "read", errno: errno)) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Replaces the file's content.
  static func write(_ bytes: [UInt8], to path: String) throws(LocalFileError) {
    let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
    try append(bytes[...], to: file, path: path)
  }

  /// - Parameter flags: as of open(2). A new file is readable by all.
  static func open(_ path: String, _ flags: CInt) throws(LocalFileError) -> FileDescriptor {
    let raw = Glibc.open(path, flags | O_CLOEXEC, 0o644)
    if raw < 0 { throw LocalFileError(path: path, error: SystemCallError(call: "open", errno: errno)) }
    return FileDescriptor(owning: raw)
  }

  static func append(
    _ bytes: ArraySlice<UInt8>, to file: borrowing FileDescriptor, path: String
  ) throws(LocalFileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file.raw, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw LocalFileError(path: path, error: SystemCallError(call: "write", errno: errno))
      }
      rest = rest.dropFirst(count)
    }
  }
}
