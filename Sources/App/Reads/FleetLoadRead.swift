// How the load of many servers went: what a list draws as small lines, in one answer for all its rows.

import Protocol

enum FleetLoadRead: Question {
  static let read = Read(
    "getFleetLoad", "/api/v1/fleet/load", about: .fleet,
    summary: "The load of each server over a range, in a few numbers.",
    description: """
      `load_1m` divides the range into \(pieces) equal pieces and has the mean load of each, the oldest first; null: \
      nothing was reported in the piece. It is made for the small lines in a list: ask for the servers of the page.
      """,
    filters: [.servers], sections: [servers])

  /// The numbers of a server.
  static let pieces = 12

  private static let servers = ReadSection(
    "data", "The selected servers.", .list(by: "server_id"), from: ["sysstat"], ties: "r.server_id",
    columns: [
      ReadColumn.count("server_id", means: "Id of the server.").sorted,
      .text("name", means: "Name of the server."),
      .json("load_1m", means: "A list of numbers: the mean load average of a minute in each piece of the range."),
    ]
  ) { scope in
    let (start, end) = (seconds(scope[.start]), seconds(scope[.end]))
    return """
      SELECT s.id::int8 AS server_id, s.name, jsonb_agg(m.load ORDER BY p.piece) AS load_1m, min(m.first_time) AS data_from,
        max(m.last_time) AS data_until, max(m.source) AS source
      FROM pganalytics.servers s CROSS JOIN generate_series(1, \(pieces)) AS p (piece)
      LEFT JOIN (
        SELECT t.server_id, width_bucket(\(seconds("t.time")), \(start), \(end), \(pieces)) AS piece,
          \(ReadScope.mean("cpu_load_1m", of: "sysstat")) AS load, min(t.first_time) AS first_time,
          max(t.last_time) AS last_time, max(t.source) AS source
        FROM \(scope.parts("sysstat", ["cpu_load_1m"])) t GROUP BY 1, 2
      ) m ON m.server_id = s.id AND m.piece = p.piece
      WHERE s.id = ANY (\(scope[.servers])) GROUP BY s.id, s.name
      """
  }

  private static func seconds(_ time: String) -> String { "extract(epoch FROM \(time))::float8" }
}
