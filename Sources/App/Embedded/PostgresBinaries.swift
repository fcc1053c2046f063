// Finds initdb and postgres: first in PATH, then the newest in Debian's /usr/lib/postgresql/*/bin.

import Ground

/// One installation of PostgreSQL's server programs.
struct PostgresBinaries: Equatable, Sendable {
  /// An absolute path without links, because initdb looks for postgres in its own directory.
  let directory: String
  let majorVersion: Int

  var initdb: String { directory + "/initdb" }
  var postgres: String { directory + "/postgres" }

  /// Whether the extension's library is installed, so that it can be preloaded.
  var hasTimescaleDB: Bool {
    ["/../lib/timescaledb.so", "/../lib/postgresql/timescaledb.so"].contains { LocalFile.exists(directory + $0) }
  }

  /// - Parameters:
  ///   - searchPath: the value of PATH.
  ///   - majorVersion: the version of the existing cluster; nil for a new one.
  ///   - versionedRoot: Debian's directory, which has a directory for each major version.
  /// - Throws: `.binariesMissing`.
  static func find(
    searchPath: String, majorVersion: Int?, versionedRoot: String = "/usr/lib/postgresql"
  ) throws(EmbeddedPostgresError) -> PostgresBinaries {
    for candidate in candidates(searchPath, versionedRoot) {
      guard let found = probe(candidate) else { continue }
      if majorVersion == nil || majorVersion == found.majorVersion { return found }
    }
    throw .binariesMissing(majorVersion: majorVersion)
  }

  /// The directories in which programs are looked for: those of PATH, then Debian's, the newest version first.
  static func candidates(_ searchPath: String, _ versionedRoot: String) -> [String] {
    let versioned = LocalDirectory.names(in: versionedRoot).compactMap { Int($0) }.sorted(by: >)
    return searchPath.split(separator: ":").filter { $0.hasPrefix("/") }.map(String.init)
      + versioned.map { "\(versionedRoot)/\($0)/bin" }
  }

  /// The major version that a program of PostgreSQL prints; nil if it prints another text.
  static func majorVersion(of program: String) throws(EmbeddedPostgresError) -> Int? {
    // "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", "pg_dump (PostgreSQL) 18beta1"
    let text = try Command(program, ["--version"]).run(limit: .seconds(10))
    guard let words = text.split(separator: ")").dropFirst().first else { return nil }
    return Int(words.drop { $0 == " " }.prefix { $0.isASCII && $0.isNumber })
  }

  /// - Returns: nil unless both programs exist and postgres prints its version.
  private static func probe(_ directory: String) -> PostgresBinaries? {
    guard LocalFile.isExecutable(directory + "/initdb"), LocalFile.isExecutable(directory + "/postgres") else {
      return nil
    }
    do throws(EmbeddedPostgresError) {
      var directory = try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalFile.resolve(directory + "/initdb")
      }
      directory.removeLast("/initdb".count)
      guard let majorVersion = try majorVersion(of: directory + "/postgres") else { return nil }
      return PostgresBinaries(directory: directory, majorVersion: majorVersion)
    } catch {
      return nil  // not a working installation; the next candidate may work
    }
  }
}
