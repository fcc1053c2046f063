internal import CEpoll.Process
import Glibc
import Ground
import Reactor

/// The environment of the process, read once at the start. No other code reads it.
enum Environment {
  static func variables() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    // Safety: environ is a null-terminated array of C strings that nothing changes: this runs before any thread starts.
    while let text = entry.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    return variables
  }
}

extension Environment {
  /// Removes libpq's variables (`PGHOST`, `PGSERVICE`, ...) from the environment: they refer to another server than the
  /// private one. To be called before the server starts, because no other thread may read the environment meanwhile.
  static func forgetDatabase() {
    for name in variables().keys where name.hasPrefix("PG") && !name.hasPrefix("PGANALYTICS_") { unsetenv(name) }
  }
}

/// Writes a line for a person, unbuffered, so that it appears at once also in a pipe. The reader of the pipe may have
/// stalled or gone: then this neither fails nor waits for longer than a second, and the rest of the text is dropped.
/// Never call it on a loop.
/// - Parameter descriptor: standard output, or standard error for a text that is not a result.
func say(_ text: String, on descriptor: CInt = STDOUT_FILENO, terminator: String = "\n") {
  let deadline = MonotonicTime.now() + .seconds(1)
  var bytes = Array((text + terminator).utf8)[...]
  while !bytes.isEmpty {
    // The number of bytes that a pipe accepts without waiting, if it accepts any.
    let part = bytes.prefix(Int(cepoll_pipe_bytes()))
    let left = CInt(max(.zero, MonotonicTime.now().duration(to: deadline)).wholeMilliseconds)
    let written = part.withUnsafeBytes {
      cepoll_write_within(descriptor, $0.baseAddress, UInt($0.count), left)
    }
    if written < 0 { return }
    bytes = bytes.dropFirst(written)
    if MonotonicTime.now() >= deadline { return }
  }
}
