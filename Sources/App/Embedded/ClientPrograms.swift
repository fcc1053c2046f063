// Finds PostgreSQL's programs for dumps: first in PATH, then in Debian's /usr/lib/postgresql/*/bin.

import Ground

/// One installation of pg_dump, pg_restore and vacuumdb.
struct ClientPrograms: Equatable, Sendable {
  let directory: String
  let majorVersion: Int

  var dump: String { directory + "/pg_dump" }
  var restore: String { directory + "/pg_restore" }
  var vacuum: String { directory + "/vacuumdb" }

  /// Finds the programs of a version, or else of the next newer one: pg_dump refuses a server that is newer than itself,
  /// and pg_restore an archive of a newer pg_dump.
  /// - Parameters:
  ///   - searchPath: the value of PATH.
  ///   - majorVersion: the oldest version that will do.
  ///   - versionedRoot: Debian's directory, which has a directory for each major version.
  /// - Throws: `.clientProgramsMissing`.
  static func find(
    searchPath: String, majorVersion: Int, versionedRoot: String = "/usr/lib/postgresql"
  ) throws(EmbeddedPostgresError) -> ClientPrograms {
    let found = PostgresBinaries.candidates(searchPath, versionedRoot).compactMap(probe)
      .filter { $0.majorVersion >= majorVersion }
    // `min` returns the first of equal ones, so PATH comes before Debian's directories.
    guard let best = found.min(by: { $0.majorVersion < $1.majorVersion }) else {
      throw .clientProgramsMissing(majorVersion: majorVersion)
    }
    return best
  }

  /// - Returns: nil unless all programs exist and pg_dump prints its version.
  private static func probe(_ directory: String) -> ClientPrograms? {
    let names = ["pg_dump", "pg_restore", "vacuumdb"]
    guard names.allSatisfy({ LocalFile.isExecutable("\(directory)/\($0)") }) else { return nil }
    do throws(EmbeddedPostgresError) {
      let program = try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalFile.resolve(directory + "/pg_dump")
      }
      // Debian's /usr/bin/pg_dump is a script that chooses a version. Its choices are in `versionedRoot`.
      guard program.hasSuffix("/pg_dump") else { return nil }
      guard let version = try PostgresBinaries.majorVersion(of: program) else { return nil }
      return ClientPrograms(directory: String(program.dropLast("/pg_dump".count)), majorVersion: version)
    } catch {
      return nil  // not a working installation; the next candidate may work
    }
  }
}
