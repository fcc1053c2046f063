// The views of the live view: what they ask for, and which columns they show.

import Protocol

enum TopView: Int, CaseIterable, Hashable, Sendable {
  case fleet = 1
  case server, queries, locks, ingest

  /// The view that a key opens.
  init?(_ key: Character) {
    guard let number = key.wholeNumberValue, let view = TopView(rawValue: number) else { return nil }
    self = view
  }

  var title: String {
    switch self {
    case .fleet: "Fleet"
    case .server: "Server"
    case .queries: "Queries"
    case .locks: "Locks"
    case .ingest: "Ingest"
    }
  }

  /// The path of the endpoint, as its declaration writes it.
  var template: String {
    switch self {
    case .fleet: "/api/v1/fleet"
    case .server: "/api/v1/servers/{id}/overview"
    case .queries: "/api/v1/queries"
    case .locks: "/api/v1/servers/{id}/locks"
    case .ingest: "/api/v1/status"
    }
  }

  /// Whether the view is about one monitored server.
  var needsServer: Bool { self == .server || self == .locks }

  /// Whether the server sorts, filters and pages the rows.
  var isList: Bool { self == .fleet || self == .queries }

  /// Whether the view has rows to choose from.
  var hasRows: Bool { isList || self == .locks }

  /// The member that tells one row from the others.
  var identity: String {
    switch self {
    case .fleet: "server_id"
    case .queries: "text_id"
    case .server, .locks, .ingest: "pid"
    }
  }

  /// The columns, the most important first. The last one takes the room that is left.
  var columns: [TopColumn] {
    switch self {
    case .fleet:
      [
        TopColumn("state", "STATE", 8, order: "urgency"), TopColumn("name", "SERVER", 24),
        TopColumn("connections", "CONN", 6),
        TopColumn("transactions_per_second", "TPS", 9), TopColumn("cache_hit", "HIT", 7),
        TopColumn("replication_lag_seconds", "LAG", 9), TopColumn("disk_used_percent", "DISK", 7),
        TopColumn("oldest_transaction_seconds", "OLDEST TX", 12), TopColumn("xid_age", "XID AGE", 13),
        TopColumn("findings", "FINDINGS", 8), TopColumn("why", "WHY", 20, order: nil),
      ]
    case .queries:
      [
        TopColumn("share", "SHARE", 7), TopColumn("total_time", "TIME", 11), TopColumn("calls", "CALLS", 11),
        TopColumn("mean_time", "MEAN", 10), TopColumn("rows", "ROWS", 12), TopColumn("servers", "SERVERS", 7),
        TopColumn("max_time", "LONGEST", 10), TopColumn("text", "STATEMENT", 24, order: nil),
      ]
    case .locks:
      [
        TopColumn("pid", "SESSION", 16), TopColumn("wait_seconds", "WAITS", 10), TopColumn("state", "STATE", 10),
        TopColumn("lock_mode", "LOCK", 20), TopColumn("username", "USER", 12), TopColumn("database", "DATABASE", 12),
        TopColumn("query", "STATEMENT", 24),
      ]
    case .server, .ingest: []
    }
  }
}

/// A column of a view.
struct TopColumn: Hashable, Sendable {
  /// The member of a row.
  let name: String
  let title: String
  /// In characters.
  let width: Int
  /// The member that the API sorts the column by; nil: by none.
  let order: String?

  init(_ name: String, _ title: String, _ width: Int, order: String?) {
    (self.name, self.title, self.width, self.order) = (name, title, width, order)
  }

  init(_ name: String, _ title: String, _ width: Int) { self.init(name, title, width, order: name) }
}

/// A monitored server that a person has opened.
struct TopServer: Hashable, Sendable {
  let id: Int64
  let name: String
}

/// A request of the live view.
struct TopQuestion: Hashable, Sendable {
  let view: TopView
  /// The target of the GET; percent-encoded.
  let target: String
}

/// A key and what it does, for the help and the documents.
struct TopKeyMeaning: Sendable {
  let keys: String
  let meaning: String

  static let all = [
    TopKeyMeaning(keys: "1 2 3 4 5", meaning: "fleet, server, queries, locks, ingest of this server"),
    TopKeyMeaning(keys: "↑ ↓ j k", meaning: "move; PgUp, PgDn, Home, End (g, G) move further"),
    TopKeyMeaning(keys: "Enter", meaning: "open the chosen server, or all figures of the chosen row"),
    TopKeyMeaning(keys: "Esc", meaning: "back"),
    TopKeyMeaning(keys: "/", meaning: "filter; Enter applies it, an empty one removes it"),
    TopKeyMeaning(keys: "s  < >", meaning: "sort by the next column, or the one before"),
    TopKeyMeaning(keys: "r", meaning: "reverse the order"),
    TopKeyMeaning(keys: "t", meaning: "range of queries and figures: 15 minutes, 1, 6 or 24 hours"),
    TopKeyMeaning(keys: "+ -  i", meaning: "longer, shorter, next interval of asking"),
    TopKeyMeaning(keys: "Space", meaning: "pause, go on"),
    TopKeyMeaning(keys: "?", meaning: "this help"),
    TopKeyMeaning(keys: "q", meaning: "quit; Ctrl-Z suspends"),
  ]
}
