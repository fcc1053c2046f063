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

  /// - Parameters: `flags` as of open(2); `mode` of a new file, which by itself is readable by all.
  static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o644) throws(LocalFileError) -> FileDescriptor {
    let raw = Glibc.open(path, flags | O_CLOEXEC, mode)
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

  /// The permission bits of a file; nil if there is none that we could see.
  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a directory; none if it can't be read.
  static func entries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        // Safety: d_name is an array of bytes that ends with a NUL.
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
      }
      names.append(name)
    }
    return names
  }
}
