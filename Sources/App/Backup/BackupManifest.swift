// What a backup contains, as the file manifest.json in its directory. The file is written last, so a directory without it
// is no complete backup.

import Protocol

/// The description of a complete backup.
struct BackupManifest: Equatable, Sendable {
  static let fileName = "manifest.json"
  /// The newest form of backups that this program reads, and the one that it writes.
  static let format: Int64 = 1

  struct File: Equatable, Sendable {
    /// Relative to the directory of the backup.
    let path: String
    let bytes: Int64
    /// The SHA-256 in hexadecimal digits.
    let sha256: String
  }

  var format = Self.format
  /// The version of the program that made the backup.
  let program: String
  let madeAt: Timestamp
  let database: BackedUpDatabase
  /// All files of the backup except the manifest.
  let files: [File]

  /// The number of bytes of all files.
  var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }
}

/// What a backup says about the database that it holds.
struct BackedUpDatabase: Equatable, Sendable {
  /// The version number of the newest migration.
  let schema: Int32
  let storage: StorageKind
  /// The version number of the server: 150020 for PostgreSQL 15.20.
  let serverVersion: Int
  /// The major version of the pg_dump that wrote the dump.
  let dumpVersion: Int
  /// The version of the extension TimescaleDB; nil if the database does not have it.
  let timescale: String?
  /// The roles to which the database grants rights, except the owner of the objects.
  let grantees: [String]
}

extension BackupManifest {
  /// A manifest that is no manifest of this program, or was changed.
  enum Fault: Error, Equatable {
    case damaged
    case newer(format: Int64)
  }

  /// The text of the file. Its member `digest` is the SHA-256 of the same text with an empty digest.
  func encoded() -> [UInt8] { text(digest: Hex.encode(Digest.sha256(text(digest: "")))) }

  private func text(digest: String) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("format", format)
      json.member("program", program)
      json.member("made_at", madeAt.rfc3339)
      json.member("schema", database.schema)
      json.member("storage", database.storage.rawValue)
      json.member("postgresql", database.serverVersion)
      json.member("pg_dump", database.dumpVersion)
      json.key("timescaledb")
      if let version = database.timescale { json.value(version) } else { json.null() }
      json.key("grantees")
      json.array { json in for role in database.grantees { json.value(role) } }
      json.key("files")
      json.array { json in
        for file in files {
          json.object { json in
            json.member("path", file.path)
            json.member("bytes", file.bytes)
            json.member("sha256", file.sha256)
          }
        }
      }
      json.member("digest", digest)
    }
    return json.finish().withUnsafeBytes { Array($0) } + [UInt8(ascii: "\n")]
  }

  /// Reads the text of the file.
  init(_ bytes: [UInt8]) throws(Fault) {
    let parsed: JSONValue
    do throws(JSONValueError) {
      parsed = try JSONValue.parse(bytes.span, limits: JSONValueLimits(bytes: max(bytes.count, 1)))
    } catch {
      throw .damaged
    }
    guard case .object(let object) = parsed, case .integer(let format)? = object["format"] else { throw .damaged }
    if format > Self.format { throw .newer(format: format) }
    func text(_ name: String, _ object: JSONObject) -> String? {
      if case .string(let text)? = object[name] { text } else { nil }
    }
    func number(_ name: String, _ object: JSONObject) -> Int64? {
      if case .integer(let number)? = object[name] { number } else { nil }
    }
    guard let program = text("program", object), let madeAt = text("made_at", object).flatMap(Timestamp.init(rfc3339:)),
      let schema = number("schema", object).flatMap(Int32.init(exactly:)),
      let storage = text("storage", object).flatMap(StorageKind.init(rawValue:)),
      let serverVersion = number("postgresql", object), let dumpVersion = number("pg_dump", object),
      let digest = text("digest", object), case .array(let grantees)? = object["grantees"],
      case .array(let files)? = object["files"]
    else { throw .damaged }
    self.format = format
    self.program = program
    self.madeAt = madeAt
    database = BackedUpDatabase(
      schema: schema, storage: storage, serverVersion: Int(serverVersion), dumpVersion: Int(dumpVersion),
      timescale: text("timescaledb", object),
      grantees: grantees.compactMap { if case .string(let role) = $0 { role } else { nil } })
    self.files = files.compactMap { value in
      guard case .object(let file) = value, let path = text("path", file), let bytes = number("bytes", file),
        let sha256 = text("sha256", file)
      else { return nil }
      return File(path: path, bytes: bytes, sha256: sha256)
    }
    // A member that is missing or altered changes the text, and so the digest.
    if Hex.encode(Digest.sha256(self.text(digest: ""))) != digest { throw .damaged }
  }
}
