import Glibc

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
func say(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  // Nobody listening is no reason to fail.
  _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
