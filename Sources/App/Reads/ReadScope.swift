// What the statement of a section is written over: the places of its parameters, and the sources of its rows.

import Protocol

/// The vocabulary of a section's SQL.
struct ReadScope: Sendable {
  /// The parameters of every read's statements, in their order.
  enum Parameter: Int, CaseIterable {
    /// int4[]: the ids of the selected servers.
    case servers
    case start, end
    /// The time of the request.
    case now
    /// The time that a state is shown of: the parameter `at`, else the end of the range.
    case moment
    /// int8: the text id of the database's name; NULL for all databases.
    case database
    /// text: the database's name; NULL for all databases.
    case databaseName
    /// text: the value of `q`; NULL if there is none.
    case words
    /// int8: the text id in the path of a read about a statement; else NULL.
    case statement
    /// float8: the width of a bucket in seconds.
    case bucket
    /// The borders of `ReadBorders`.
    case fineStart, coarseStart, coarseEnd, fineEnd

    var type: SQLType {
      switch self {
      case .servers: .int4Array
      case .start, .end, .now, .moment, .fineStart, .coarseStart, .coarseEnd, .fineEnd: .timestamptz
      case .database, .statement: .int8
      case .databaseName, .words: .text
      case .bucket: .float8
      }
    }
  }

  let storage: StorageKind
  private let own: [ReadParameter]
  /// The server whose rows the sources give, as SQL; nil: the rows of all selected servers.
  private var server: String?

  init(_ read: Read, _ storage: StorageKind) {
    self.storage = storage
    own = read.parameters
  }

  /// The same scope for one server at a time: its sources are for LATERAL, after a relation that has the server's id.
  /// PostgreSQL then sorts the rows of one server, which fit into memory however many servers there are.
  /// - Parameter id: an expression of type int4 over that relation.
  func ofServer(_ id: String) -> ReadScope {
    var scope = self
    scope.server = id
    return scope
  }

  subscript(parameter: Parameter) -> String { "$\(parameter.rawValue + 1)" }

  /// The place of a parameter of this read only.
  subscript(name: String) -> String {
    guard let index = own.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("the read has no parameter \(name)")
    }
    return "$\(Parameter.allCases.count + index + 1)"
  }

  var parameterTypes: [SQLType] { Parameter.allCases.map(\.type) + own.map(\.type) }

  /// The start of the bucket that contains a time, as SQL. - Parameter time: an expression of type timestamptz.
  func bucket(of time: String) -> String {
    let origin = "timestamptz '2000-01-01 00:00:00+00'"
    return switch storage {
    case .plain: "date_bin(make_interval(secs => \(self[.bucket])), \(time), \(origin))"
    case .timescale: "time_bucket(make_interval(secs => \(self[.bucket])), \(time), \(origin))"
    }
  }

  /// The condition that a row `alias` of a table with a database is of the database that the request names.
  func isOfDatabase(_ alias: String = "t") -> String {
    "(\(self[.database])::int8 IS NULL OR \(alias).database_id = \(self[.database]))"
  }

  /// The text of an id, as SQL. - Parameters: `id`: an expression of type int8; `alias`: the alias of a relation with
  /// `server_id`.
  func text(_ id: String, of alias: String) -> String {
    "(SELECT x.value FROM pganalytics.texts x WHERE x.server_id = \(alias).server_id AND x.text_id = \(id))"
  }

  /// A part of an object's name, as SQL. - Parameters: `part`: one of the table's `object` keys; `alias`: the alias of a
  /// relation with `server_id` and `object_id`.
  func objectPart(_ part: String, of table: String, _ alias: String) -> String {
    guard let place = table.metricTable.object.firstIndex(of: part) else {
      preconditionFailure("objects of \(table) have no \(part)")
    }
    return """
      (SELECT o.key[\(place + 1)] FROM pganalytics.objects o \
      WHERE o.server_id = \(alias).server_id AND o.object_id = \(alias).object_id)
      """
  }
}

extension String {
  /// The metric table of this name. An unknown name ends the process.
  var metricTable: MetricTable {
    guard let table = MetricCatalog.tables.first(where: { $0.name == self }) else {
      preconditionFailure("\(self) is no metric table")
    }
    return table
  }
}

// MARK: Sources

/// The rows of a read come from these expressions only, so that the layout of a table can change without touching a
/// read. Each is a relation in parentheses, for a FROM clause; it has only rows of the selected servers.
extension ReadScope {
  /// The stored rows of a table in the range, without gaps: `time`, `server_id`, ids, and the stored columns.
  func rows(_ table: String) -> String { rows(table.metricTable, self[.start], self[.end]) }

  private func rows(_ table: MetricTable, _ from: String, _ to: String) -> String {
    "(SELECT t.* FROM \(table.measured) t WHERE \(within(from, to)))"
  }

  /// The rows of the last list of each server and database before `moment`. Tables of one metric type are sent
  /// together. So a list is the last one if no table of the type has a later row, and an empty list gives no rows.
  func latest(_ table: String) -> String {
    let declared = table.metricTable
    let siblings = MetricCatalog.types.first { $0.tables.contains { $0.name == table } }?.tables ?? [declared]
    let from = "\(self[.moment]) - make_interval(secs => \(Self.latestSeconds))"
    let to = "\(self[.moment]) + interval '1 microsecond'"
    let key = declared.hasDatabase ? ["server_id", "database_id"] : ["server_id"]
    let lists = siblings.filter { !declared.hasDatabase || $0.hasDatabase }.map { sibling in
      "SELECT \(key.map { "t.\($0)" }.joined(separator: ", ")), t.time FROM \(sibling.measured) t WHERE \(within(from, to))"
    }
    let join = key.map { "l.\($0) IS NOT DISTINCT FROM t.\($0)" }.joined(separator: " AND ")
    return """
      (SELECT t.* FROM \(declared.measured) t JOIN (
        SELECT \(key.joined(separator: ", ")), max(time) AS time FROM (\(lists.joined(separator: " UNION ALL "))) lists
        GROUP BY \(key.joined(separator: ", "))
      ) l ON \(join) AND l.time = t.time WHERE \(within(from, to)))
      """
  }

  /// How far `latest` looks back.
  static let latestSeconds = 3600

  /// Rows and roll-ups in one form: each row is a piece of time of one series. It has `time`, `server_id`, the ids of the
  /// series (`MetricTable.identityColumns`), `first_time`, `last_time`, `source`, and the parts of the columns, such as
  /// `"calls.first"` (`RollupPart`). `source` is the place of the piece's source in `MetricSource.allCases`.
  func parts(_ table: String, _ columns: [String], _ span: ReadSpan = .range) -> String {
    let declared = table.metricTable
    let values = columns.map(declared.rolled).flatMap { column in RollupPart.all(of: column).map { (column, $0) } }
    let pieces = ReadPieces(self, declared, values, span)
    return "(\(([pieces.firstRows] + pieces.rollups + [pieces.lastRows]).joined(separator: "\nUNION ALL\n")))"
  }

  /// The mean of a column over pieces `t` of `parts`, as SQL; NULL if it has no value in them.
  static func mean(_ column: String, of table: String) -> String {
    finiteQuotient(
      RollupPart.composedSum(table.metricTable.rolled(column)), #"nullif(sum(t."\#(column).count"), 0)::float8"#)
  }

  /// The condition that a row `t` is of a selected server and in a stretch of time.
  func within(_ from: String, _ to: String) -> String {
    let isSelected = server.map { "t.server_id = \($0)" } ?? "t.server_id = ANY (\(self[.servers]))"
    return "\(isSelected) AND t.time >= \(from) AND t.time < \(to)"
  }
}
