import Glibc

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
