private import Glibc

/// A system call on a file that failed.
package struct FileError: Error, Equatable, CustomStringConvertible {
  /// The name of the system call, such as `open`.
  package let call: String
  package let path: String
  /// The error number, see errno(3).
  package let errno: CInt

  package init(call: String, path: String, errno: CInt) {
    self.call = call
    self.path = path
    self.errno = errno
  }

  /// `/etc/x: No such file or directory`
  package var description: String { "\(path): \(Self.reason(of: errno))" }

  /// The message for an error number.
  package static func reason(of errno: CInt) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(errno, &text, text.count) == 0 else { return "error \(errno)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
