extension MetricsPage {
  func findings(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_findings_open", .gauge, "Open findings of the database. The same from every server.", by: "severity",
      Check.Severity.allCases.map { ($0.rawValue, findings.open[$0] ?? 0) })
    page.family(
      "pganalytics_finding_lag_seconds", .gauge,
      "How long the push that has waited longest for its evaluation has waited; 0: none waits.", findings.lag)
    page.family(
      "pganalytics_finding_rounds_total", .counter, "Rounds of evaluating checks that this server made.",
      findings.rounds)
    page.family(
      "pganalytics_finding_round_failures_total", .counter, "Rounds of this server that ended early.",
      findings.roundFailures)
    page.family(
      "pganalytics_finding_seconds_total", .counter, "Time that rounds of this server took.", findings.busy)
    page.family(
      "pganalytics_finding_servers_total", .counter, "Monitored servers that were evaluated after a push.",
      findings.servers)
    page.family("pganalytics_finding_statements_total", .counter, "Statements of checks.", findings.statements)
    page.family("pganalytics_finding_rows_total", .counter, "Rows that statements of checks gave.", findings.rows)
    page.family(
      "pganalytics_finding_check_failures_total", .counter, "Statements of checks that failed.", findings.failures)
    page.family("pganalytics_findings_opened_total", .counter, "Findings that this server opened.", findings.opened)
    page.family("pganalytics_findings_ended_total", .counter, "Findings that this server ended.", findings.ended)
    page.family(
      "pganalytics_findings_suppressed_total", .counter,
      "Findings that did not open because their server has too many of the check; counted at each evaluation.",
      findings.suppressed)
  }
}
