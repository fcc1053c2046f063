// The only file that handles errno. CEpoll's functions return -errno from the expression that makes the call, so
// nothing can overwrite errno in between. This file turns that number into a value, an error, or the end of the
// process.

internal import Glibc

/// A failed system call: its name and its errno (errno(3)).
public struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name of the call.
  public let call: String
  /// The error number.
  public let errno: CInt

  /// Makes an error.
  public init(call: String, errno: CInt) {
    self.call = call
    self.errno = errno
  }

  /// For example `accept4: Too many open files (errno 24)`.
  public var description: String {
    var buffer = [CChar](repeating: 0, count: 128)
    let text = strerror_r(errno, &buffer, buffer.count)
    let reason = text == 0 ? buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : "unknown error"
    return "\(call): \(reason) (errno \(errno))"
  }
}

enum SystemCall {
  /// Calls `shim` again as long as a signal interrupts it.
  /// - Returns: the value of `shim`, >= 0, or -errno; never -EINTR. An errno that only a bug can cause ends the
  ///   process.
  @inline(__always)
  static func outcome<Value: SignedInteger>(_ call: StaticString, _ shim: () -> Value) -> Value {
    while true {
      let value = shim()
      if value >= 0 { return value }
      let errno = CInt(-value)
      if errno == EINTR { continue }
      if errno == EBADF || errno == EFAULT || errno == ENOTSOCK {
        preconditionFailure("\(SystemCallError(call: call.description, errno: errno)): a descriptor or pointer bug")
      }
      return value
    }
  }

  /// As `outcome`, for calls whose errors are rare. It throws the error.
  @discardableResult @inline(__always)
  static func value<Value: SignedInteger>(
    _ call: StaticString, _ shim: () -> Value
  ) throws(SystemCallError) -> Value {
    let value = outcome(call, shim)
    if value < 0 { throw SystemCallError(call: call.description, errno: CInt(-value)) }
    return value
  }

  /// As `value`, for calls that fail only if their arguments are wrong. An error ends the process.
  @discardableResult @inline(__always)
  static func certain<Value: SignedInteger>(_ call: StaticString, _ shim: () -> Value) -> Value {
    let value = outcome(call, shim)
    precondition(value >= 0, "\(SystemCallError(call: call.description, errno: CInt(-value)))")
    return value
  }
}
