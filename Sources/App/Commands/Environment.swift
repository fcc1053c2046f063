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

extension Environment {
  /// Takes libpq's variables (`PGHOST`, `PGSERVICE`, ...) out of the environment: they say how to reach another server
  /// than the private one. Only while no other thread looks at the environment: before the server starts.
  static func forgetDatabase() {
    for name in variables().keys where name.hasPrefix("PG") && !name.hasPrefix("PGANALYTICS_") { unsetenv(name) }
  }
}

/// Lines for a person. Unbuffered, so that they are there at once also in a pipe.
/// - Parameter descriptor: standard output, or standard error for what is no result.
func say(_ text: String, on descriptor: CInt = STDOUT_FILENO, terminator: String = "\n") {
  let bytes = Array((text + terminator).utf8)
  // Nobody listening is no reason to fail.
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
