import Protocol
import Testing

@Suite struct TOMLCollectorConfigurationTests {
  private let text = #"""
    # pgAnalytics collector, node db-eu-3
    [collector]
    id = "collector-001"
    hostname = "db-eu-3.example.net"
    interval = 60          # seconds
    push_interval = 60
    config_pull_interval = 300

    [backend]
    url = "https://ingest.example.net:8443"

    [postgres]
    host = "127.0.0.1"
    port = 5432
    user = "pganalytics"
    password = 'p#ss\word'
    databases = [
      "postgres",
      "shop",  # the big one
    ]
    log_thresholds_ms = { slow = 250.0, very_slow = 2_000 }

    [tls]
    verify = true
    cert_file = "/etc/pganalytics/collector.crt"
    key_file = "/etc/pganalytics/collector.key"
    not_before = 2025-01-01T00:00:00Z

    [pg_stats]
    enabled = false
    interval = 60

    [pg_log]
    enabled = true
    paths."/var/log/postgresql/15.log" = "stderr"
    """#

  @Test func `a collector's configuration is read`() throws {
    let table = try parseTOML(text)
    #expect(table.entries.map(\.key) == ["collector", "backend", "postgres", "tls", "pg_stats", "pg_log"])
    #expect(table["collector", "id"] == .string("collector-001"))
    #expect(table["collector", "config_pull_interval"] == .integer(300))
    #expect(table["backend", "url"] == .string("https://ingest.example.net:8443"))
    #expect(table["postgres", "password"] == .string(#"p#ss\word"#))
    #expect(table["postgres", "databases"] == .array([.string("postgres"), .string("shop")]))
    #expect(table["postgres", "log_thresholds_ms", "slow"] == .float(250))
    #expect(table["postgres", "log_thresholds_ms", "very_slow"] == .integer(2000))
    #expect(table["tls", "verify"] == .boolean(true))
    #expect(table["tls", "not_before"] == .offsetDateTime("2025-01-01T00:00:00Z"))
    #expect(table["pg_stats", "enabled"] == .boolean(false))
    #expect(table["pg_log", "paths", "/var/log/postgresql/15.log"] == .string("stderr"))
    #expect(table["sysstat", "enabled"] == nil)
  }

  @Test func `an error names the line of an editing mistake`() {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
    TOMLDefect(text + "\nenabled = false", lines + 1, 1, .duplicateKey).expectRefusal()
    TOMLDefect(text + "\n[tls]", lines + 1, 2, .duplicateTable).expectRefusal()
    TOMLDefect(text + "\nlevel = debug", lines + 1, 9, .expected(.value)).expectRefusal()
  }
}
