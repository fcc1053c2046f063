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
              .text("version", means: "Installed version."),
              .text("owner", means: "Role that owns the extension."),
              .text("schema", means: "Schema of the extension's objects."),
              .interned("description", means: "What the extension is for, in its own words."),
              .flag("relocatable", means: "Whether its objects can be moved to another schema."),
            ]))
      ]),
    ])
}
