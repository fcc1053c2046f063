// Lists declare `server` and `label` as filters; reads and findings decode both as one selection and ask for the ids.

import Protocol

/// The servers that a request selects by `server` and `label`.
struct ServerSelection: Hashable, Sendable {
  /// The ids that the request names; empty for all servers.
  let servers: [Int32]
  /// The labels that a selected server has, all of them; empty for no condition.
  let labels: [LabelTerm]

  /// Reads the parameters `server` and `label`.
  init(from query: inout QueryReader) {
    let servers = query.list(ServerFilter.name, ServerFilter.rule, count: 0...ServerFilter.most, ServerFilter.prose)
    let labels = query.list(LabelFilter.name, .labelTerm, count: 0...LabelFilter.most, LabelFilter.prose)
    self.init(servers: servers.map { Int32($0) }, labels: labels)
  }

  init(servers: [Int32], labels: [LabelTerm]) {
    self.servers = servers
    self.labels = labels
  }

  /// The selected servers that the caller's API token may concern.
  func within(_ context: RequestContext) -> ServerSelection {
    ServerSelection(servers: servers, labels: labels + context.scope.compactMap { LabelTerm($0) })
  }

  /// Whether every server is selected.
  var isEverything: Bool { servers.isEmpty && labels.isEmpty }

  /// The ids of the selected servers that exist, in ascending order. Parameters: ids of servers, texts of label terms;
  /// an empty array is no condition.
  static let statement = Statement<[Int32], [String], SingleValue<Int32>>(
    "server_selection",
    """
    SELECT s.id FROM pganalytics.servers s
    WHERE (cardinality($1::int4[]) = 0 OR s.id = ANY ($1))
      AND (cardinality($2::text[]) = 0 OR \(LabelFilter.condition(server: "s.id", terms: "$2::text[]")))
    ORDER BY s.id
    """)

  /// The ids of the selected servers that exist, in ascending order.
  func ids(from client: some DatabaseClient) async throws(DatabaseError) -> [Int32] {
    try await client.rows(Self.statement, servers, labels.map(\.text)).map(\.value)
  }
}
