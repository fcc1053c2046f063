// Makes pushes like those of the stock collector, for the bench client and for tests: keys in alphabetical order, each
// array of each type filled, the same objects and statements in each push, counters that grow with the time. The
// generator walks the catalog, so a new metric type is generated as soon as it is declared.

public import Protocol

/// Makes bodies of pushes. The same seed, shape and time give the same bytes.
public struct PushGenerator: Sendable {
  /// How much a monitored server reports.
  public struct Shape: Sendable, Hashable {
    /// The number of databases.
    public var databases = 2
    /// Tables in each database. Each table has two indexes and eight columns.
    public var tables = 20
    /// Statements in each database.
    public var queries = 50
    /// Lines in each list of log lines.
    public var logLines = 20
    /// Rows of all other tables: locks, connections, replication, devices.
    public var activity = 4

    /// Makes the default shape.
    public init() {}
  }

  /// How much the monitored server reports.
  public let shape: Shape
  private let seed: UInt64
  private let types: [MetricType]

  /// Makes a generator.
  public init(seed: UInt64, shape: Shape = Shape(), types: [MetricType] = MetricCatalog.types) {
    self.seed = seed
    self.shape = shape
    self.types = types
  }

  /// Makes one body.
  /// - Parameters:
  ///   - unixSeconds: the time of the first round.
  ///   - rounds: how many times all types are reported, one second apart, as the stock collector does between two
  ///     pushes.
  ///   - buffer: the body is appended to it.
  /// - Returns: the buffer; the caller owns it.
  public func body(
    collectorID: String, hostname: String, unixSeconds: Int64, rounds: Int = 1,
    appendingTo buffer: consuming ByteBuffer = ByteBuffer()
  ) -> ByteBuffer {
    var json = JSONWriter(appendingTo: buffer)
    let now = unixSeconds + Int64(rounds) - 1
    json.object { json in
      json.member("collector_id", collectorID)
      json.member("hostname", hostname)
      json.key("metrics")
      var count = 0
      json.array { json in
        for round in 0..<rounds { count += write(&json, collectorID, hostname, unixSeconds + Int64(round)) }
      }
      json.member("metrics_count", count)
      json.member("timestamp", Self.timestamp(now, separator: "T", zone: "Z"))
      json.member("version", "3.0.0")
    }
    return json.finish()
  }

  /// Writes one round of all types.
  /// - Returns: the number of metrics.
  private func write(_ json: inout JSONWriter, _ collectorID: String, _ hostname: String, _ time: Int64) -> Int {
    var count = 0
    for type in types {
      let isPerDatabase = type.fields.contains { if case .database = $0.rule { true } else { false } }
      for database in 0..<(isPerDatabase ? shape.databases : 1) {
        let place = Place(time: time, database: database, collectorID: collectorID, hostname: hostname)
        json.object { json in
          writeFields(&json, type.fields, place, isPerDatabase: isPerDatabase, type: type.name)
        }
        count += 1
      }
    }
    return count
  }

  fileprivate struct Place {
    let time: Int64
    var database: Int
    let collectorID: String
    let hostname: String
    var row = 0

    var databaseName: String { database == 0 ? "postgres" : "app\(database)" }
  }

  /// Writes the members of one object. `type` is given for the metric itself.
  private func writeFields(
    _ json: inout JSONWriter, _ fields: [MetricType.Field], _ place: Place, isPerDatabase: Bool, type: String? = nil
  ) {
    var members: [(key: String, rule: MetricType.Rule?)] = fields.map { ($0.key, $0.rule) }
    if type != nil { members += [("timestamp", nil), ("type", nil)] }
    members.sort { $0.key < $1.key }
    for (key, rule) in members {
      switch rule {
      case nil:
        json.member(key, key == "type" ? type ?? "" : Self.timestamp(place.time, separator: "T", zone: "Z"))
      case .database: json.member(key, place.databaseName)
      case .ignored: json.member(key, key == "hostname" ? place.hostname : place.collectorID)
      case .column(let table, let column):
        json.key(key)
        writeValue(&json, column, table, place)
      case .nested(let inner):
        json.key(key)
        json.object { json in writeFields(&json, inner, place, isPerDatabase: isPerDatabase) }
      case .rows(let table):
        json.key(key)
        json.array { json in
          for row in 0..<rowCount(table) { writeRow(&json, table, Place(of: place, row: row)) }
        }
      case .texts(let table):
        json.key(key)
        json.array { json in
          for row in 0..<rowCount(table) { json.value("could not read \(table.name) \(row)") }
        }
      case .databases(let inner):
        if isPerDatabase { continue }  // the type's other form
        json.key(key)
        json.object { json in
          let order = (0..<shape.databases).map { Place(of: place, database: $0) }
          for place in order.sorted(by: { $0.databaseName < $1.databaseName }) {
            json.key(place.databaseName)
            json.object { json in writeFields(&json, inner, place, isPerDatabase: false) }
          }
        }
      }
    }
  }

  private func rowCount(_ table: MetricTable) -> Int {
    switch table.name {
    case "pg_query_stats": shape.queries
    case "pg_log": shape.logLines
    case "pg_schema_columns": shape.tables * 8
    case let name where name.hasSuffix("_indexes"): shape.tables * 2
    case let name where name.hasSuffix("_tables") || name == "pg_schema_constraints": shape.tables
    case "pg_schema_foreign_keys", "pg_schema_triggers": (shape.tables + 3) / 4
    default: shape.activity
    }
  }

  private func writeRow(_ json: inout JSONWriter, _ table: MetricTable, _ place: Place) {
    var members: [(key: String, column: MetricColumn?)] = table.object.map { ($0, nil) }
    members += table.columns.filter { !$0.isMade }.map { ($0.key, $0) }
    members.sort { $0.key < $1.key }
    json.object { json in
      for (key, column) in members {
        guard let column else {
          json.member(key, objectName(key, table, place.row))
          continue
        }
        // The collector leaves out values that the monitored server does not have.
        if Self.optional.contains(key), draw(key, place.row) % 2 == 0 { continue }
        json.key(key)
        writeValue(&json, column, table, place)
      }
    }
  }

  private static let optional: Set<String> = [
    "max_length", "numeric_precision", "numeric_scale", "relation", "page", "tuple", "virtualxid", "transactionid",
    "classid", "objid", "objsubid", "userid", "dbid", "toplevel",
  ]

  private func objectName(_ key: String, _ table: MetricTable, _ row: Int) -> String {
    let isIndex = table.name.hasSuffix("_indexes")
    let relation = isIndex ? row / 2 : table.name == "pg_schema_columns" ? row / 8 : row
    switch key {
    case "schema": return relation % 4 == 3 ? "archive" : "public"
    case "table": return "orders_\(relation)"
    case "index", "index_name": return "orders_\(relation)_key\(row % 2)"
    case "name" where isIndex: return "orders_\(relation)_key\(row % 2)"
    case "name" where table.name == "pg_schema_columns": return "column_\(row % 8)"
    case "name": return "orders_\(relation)"
    case "database": return row == 0 ? "postgres" : "app\(row)"
    case "device": return "/dev/vd\(row)"
    case "mount": return ""
    default: return "\(key)_\(row)"
    }
  }

  private func writeValue(_ json: inout JSONWriter, _ column: MetricColumn, _ table: MetricTable, _ place: Place) {
    let random = draw(table.name + column.key, place.database << 32 | place.row)
    lazy var figures = HostFigures(
      time: place.time, random: random, rowRandom: draw(table.name, place.database << 32 | place.row),
      hostRandom: draw(place.hostname, 0))
    switch column.kind {
    case .int8, .numeric:
      switch column.meaning {
      case .counter: json.value(figures.counter(column.name))
      case .gauge: json.value(Int64(figures.gauge(column)))
      case .label: json.value(column.key == "hash" ? Int64(bitPattern: random) : Int64(random % 100_000))
      }
    case .float8:
      let isCounter = column.meaning == .counter
      json.value(
        isCounter
          ? Double(random % 10_000_000) / 1000 + Double(place.time % 100_000) * 0.125
          : (figures.gauge(column) * 1000).rounded() / 1000)
    case .bool: json.value(random % 2 == 0)
    case .text: json.value(random % 16 == 0 ? "" : text(column.key, random))
    case .interned: json.value(longText(column.key, random))
    case .json: json.null()
    case .timestamp:
      // Statements and states are young, vacuums and sessions may be old.
      let isYoung = column.key.hasPrefix("query") || column.key.hasPrefix("state") || column.key.contains("msg")
      let ago = Int64(random % (isYoung ? 30 : 100_000))
      let micros = "." + String(1_000_000 + random % 1_000_000).dropFirst()
      json.value(
        random % 4 == 0 ? "" : Self.timestamp(place.time - ago, separator: " ", zone: "") + micros + "+00")
    }
  }

  private func text(_ key: String, _ random: UInt64) -> String {
    switch key {
    case "state": ["idle", "active", "idle in transaction", "idle", "idle"][Int(random % 5)]
    case "level": ["LOG", "LOG", "LOG", "WARNING", "ERROR"][Int(random % 5)]
    default: "\(key)_\(random % 5)"
    }
  }

  private func longText(_ key: String, _ random: UInt64) -> String {
    switch key {
    case "text", "query", "blocked_query", "blocking_query", "statement":
      "SELECT o.id,\n       o.state, \"total\"\n  FROM orders_\(random % 50) o\n"
        + " WHERE o.customer = $1 AND o.placed > now() - interval '\(random % 30) days'\n ORDER BY o.placed DESC LIMIT 100"
    case "definition": "CREATE INDEX orders_key ON public.orders_\(random % 50) USING btree (customer, placed)"
    case "message":
      "duration: \(random % 9000).\(random % 1000) ms  statement: UPDATE orders SET state = 'geprüft' WHERE id = $1"
    default: "\(key) \(random % 8)"
    }
  }

  /// A number that depends only on the seed, a name and a row (SplitMix64 over FNV-1a).
  private func draw(_ name: String, _ row: Int) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash &+ UInt64(row)) &* 0x9E37_79B9_7F4A_7C15
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 31)
  }

  /// `2026-11-22T19:33:04Z`; years 1970 to 9999.
  private static func timestamp(_ unixSeconds: Int64, separator: String, zone: String) -> String {
    let date = CalendarDate(unixDays: Int(unixSeconds / 86_400))
    let second = Int(unixSeconds % 86_400)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(date.year)-\(two(date.month))-\(two(date.day))\(separator)"
      + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))\(zone)"
  }
}

extension PushGenerator.Place {
  fileprivate init(of place: Self, row: Int) {
    self = place
    self.row = row
  }

  fileprivate init(of place: Self, database: Int) {
    self = place
    self.database = database
  }
}
