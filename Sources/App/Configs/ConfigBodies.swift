import Protocol

/// A configuration that has not been checked yet. Whether its collector exists is checked first.
struct ConfigBody: TextBody {
  static let types: [MediaType] = [.plainText, .toml]
  static let format = "toml"
  static let maximumBytes = TOMLLimits().documentBytes
  static let example = "[collector]\ninterval = 60\n"

  let toml: String

  init(text: String) throws(Problem) { toml = text }

  /// Checks the text. - Throws: `.validationFailed` with line and column.
  func validate() throws(Problem) {
    do throws(TOMLError) { _ = try TOMLDocument.parse(Array(toml.utf8).span) } catch {
      throw Problem(.validationFailed, error.description)
    }
  }
}

/// The answer to a stored configuration.
struct ConfigAnswer: ResponseBody {
  let collector: UUID
  let version: Int32
  let isNew: Bool

  static let example = ConfigAnswer(collector: UUID(high: 1, low: 2), version: 3, isNew: true)

  func write(to object: inout ObjectWriter) {
    object.member("status", "success")
    object.member("collector_id", collector)
    object.member("version", version)
    object.member(
      "message",
      isNew
        ? "Configuration stored; the collector takes it with its next pull."
        : "This is the latest version already; nothing was stored.")
  }
}

struct ConfigVersionAnswer: ResponseBody {
  static let schemaName = "ConfigVersion"
  let version: ConfigVersion

  static let example = ConfigVersionAnswer(
    version: ConfigVersion(
      version: 3, createdAt: Timestamp(unixSeconds: 1_790_000_000), createdBy: "ada", bytes: 120, isEffective: true))

  func write(to object: inout ObjectWriter) {
    object.member("version", version.version)
    object.member("created_at", version.createdAt)
    object.nullable("created_by", version.createdBy, "Null if the user was deleted since.")
    object.member("bytes", version.bytes)
    object.member("is_effective", version.isEffective, "Whether the collector fetched this version last.")
  }
}

struct ConfigVersionsQuery: QueryParameters {
  let page: PageSelection
  init(from query: inout QueryReader) { page = PageSelection(from: &query) }
}

struct ConfigDiffQuery: QueryParameters {
  let from: Int?
  let to: Int?

  init(from query: inout QueryReader) {
    from = query.optional("from", .integer(1...Int(Int32.max)), "The older version. Default: the version before `to`.")
    to = query.optional("to", .integer(1...Int(Int32.max)), "The newer version. Default: the latest.")
  }
}
