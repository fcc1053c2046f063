// The numbered files in Database/Migrations, embedded into the program. A released file never changes; a change needs a
// new file. A test compares this list with the folder.

internal import Protocol

struct MigrationFile: Sendable {
  let version: Int32
  /// The noun in the file's name.
  let name: String
  let sql: String
  /// SHA-256 of the file.
  let checksum: [UInt8]

  init(_ version: Int32, _ name: String, _ bytes: [UInt8]) {
    self.version = version
    self.name = name
    sql = String(decoding: bytes, as: UTF8.self)
    checksum = Digest.sha256(bytes)
  }

  static let all = [
    MigrationFile(1, "accounts", PackageResources.V0001__accounts_sql),
    MigrationFile(2, "collectors", PackageResources.V0002__collectors_sql),
    MigrationFile(3, "ingest", PackageResources.V0003__ingest_sql),
    MigrationFile(4, "config_pulls", PackageResources.V0004__config_pulls_sql),
    MigrationFile(5, "sessions", PackageResources.V0005__sessions_sql),
    MigrationFile(6, "certificates", PackageResources.V0006__certificates_sql),
    MigrationFile(7, "keys", PackageResources.V0007__keys_sql),
    MigrationFile(8, "rollups", PackageResources.V0008__rollups_sql),
    MigrationFile(9, "ledger", PackageResources.V0009__ledger_sql),
    MigrationFile(10, "dead_letters", PackageResources.V0010__dead_letters_sql),
    MigrationFile(11, "rollup_steps", PackageResources.V0011__rollup_steps_sql),
    MigrationFile(12, "enrolment", PackageResources.V0012__enrolment_sql),
    MigrationFile(13, "object_names", PackageResources.V0013__object_names_sql),
    MigrationFile(14, "log_ends", PackageResources.V0014__log_ends_sql),
    MigrationFile(15, "labels", PackageResources.V0015__labels_sql),
    MigrationFile(16, "findings", PackageResources.V0016__findings_sql),
    MigrationFile(17, "channels", PackageResources.V0017__channels_sql),
    MigrationFile(18, "browser_sessions", PackageResources.V0018__browser_sessions_sql),
    MigrationFile(19, "api_tokens", PackageResources.V0019__api_tokens_sql),
  ]
}
