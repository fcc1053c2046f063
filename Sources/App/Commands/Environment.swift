internal import CEpoll.Process
import Glibc
import Ground
import Reactor

/// The environment of the process, read once at start. Nothing else looks at it.
enum Environment {
  static func variables() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    // Safety: environ is a null-terminated array of C strings that nobody changes: this runs before any thread starts.
    while let text = entry.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    return variables
  }
}

extension Environment {
  /// Takes libpq's variables (`PGHOST`, `PGSERVICE`, ...) out of the environment: they say how to reach another server
  /// than the private one. Only while no other thread looks at the environment: before the server starts.
  static func forgetDatabase() {
    for name in variables().keys where name.hasPrefix("PG") && !name.hasPrefix("PGANALYTICS_") { unsetenv(name) }
  }
}

/// Lines for a person. Unbuffered, so that they are there at once also in a pipe; the pipe's reader may have stalled. Nobody
/// listening is no reason to fail, nor to wait for longer than a second: what does not fit by then is left out. Not on a loop.
/// - Parameter descriptor: standard output, or standard error for what is no result.
func say(_ text: String, on descriptor: CInt = STDOUT_FILENO, terminator: String = "\n") {
  let deadline = MonotonicTime.now() + .seconds(1)
  var bytes = Array((text + terminator).utf8)[...]
  while !bytes.isEmpty {
    // As much as a pipe takes without waiting if it takes anything.
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
