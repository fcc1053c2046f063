extension MetricType {
  /// The last lines of the PostgreSQL log. The stock collector sends the same lines again in each round.
  static let pgLog = MetricType(
    "pg_log", "Lines of the PostgreSQL log.",
    [
      .database,
      .rows(
        "entries",
        MetricTable(
          "pg_log", "One line of the log.", database: true, distinct: ["logged_at", "level", "message"],
          equals: .logLines,
          columns: [
            .timestamp("timestamp", as: "logged_at", means: "When the line was written, as the collector says."),
            .text("level", means: "Severity: LOG, ERROR, WARNING, FATAL, INFO or DEBUG."),
            .interned("message", means: "The line's message."),
          ])),
    ])
}
