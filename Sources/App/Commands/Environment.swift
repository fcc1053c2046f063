internal import CEpoll.Process
import Glibc
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

/// Lines for a person on standard output. Unbuffered, so that they are there at once also in a pipe.
func say(_ text: String) { say(text + "\n", on: STDOUT_FILENO) }

/// Writes to a descriptor that may be a pipe whose reader has stalled. Nobody listening is no reason to fail, nor to wait for
/// longer than a second: what does not fit by then is left out. Not on a loop.
func say(_ text: String, on descriptor: CInt) {
  let deadline = MonotonicTime.now() + .seconds(1)
  var bytes = Array(text.utf8)[...]
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
