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
