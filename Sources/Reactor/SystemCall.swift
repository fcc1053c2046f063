// The one place that looks at an errno. The shims of CEpoll answer -errno from the expression that made the call, so
// nothing can overwrite it in between; this file turns that into a value, an error or a trap.

internal import Glibc

/// What the kernel refused: the call's name and its errno (errno(3)).
public struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
  public let call: String
  public let errno: CInt

  public init(call: String, errno: CInt) {
    self.call = call
    self.errno = errno
  }

  /// `accept4: Too many open files (errno 24)`
  public var description: String {
    var buffer = [CChar](repeating: 0, count: 128)
    let text = strerror_r(errno, &buffer, buffer.count)
    let reason = text == 0 ? buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : "unknown error"
    return "\(call): \(reason) (errno \(errno))"
  }
}

enum SystemCall {
  /// Runs a shim until it is not interrupted by a signal.
  /// - Returns: the shim's value >= 0, or -errno. Never -EINTR, and never an errno that only a bug can cause: those trap.
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

  /// As `outcome`, for calls without an errno that is part of normal life.
  @discardableResult @inline(__always)
  static func value<Value: SignedInteger>(
    _ call: StaticString, _ shim: () -> Value
  ) throws(SystemCallError) -> Value {
    let value = outcome(call, shim)
    if value < 0 { throw SystemCallError(call: call.description, errno: CInt(-value)) }
    return value
  }

  /// As `value`, for calls that cannot fail unless our own arguments are wrong.
  @discardableResult @inline(__always)
  static func certain<Value: SignedInteger>(_ call: StaticString, _ shim: () -> Value) -> Value {
    let value = outcome(call, shim)
    precondition(value >= 0, "\(SystemCallError(call: call.description, errno: CInt(-value)))")
    return value
  }
}
