extension MetricType {
  static let pgExtensions = MetricType(
    "pg_extensions", "Installed extensions.",
    [
      .ignored("collector_id"), .ignored("hostname"),
      .databases([
        .rows(
          "extensions",
          MetricTable(
            "pg_extensions", "One installed extension.", database: true, object: ["name"],
            equals: .toldApartByPlace,
            columns: [
              .text("version"), .text("owner"), .text("schema"), .interned("description"), .flag("relocatable"),
            ]))
      ]),
    ])
}
