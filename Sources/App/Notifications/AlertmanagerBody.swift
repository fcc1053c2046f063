// Alerts for Alertmanager's API v2 (POST /api/v2/alerts). An alert without news resolves by itself at its `endsAt`, so
// firing alerts get an end in the near future and are sent again before it, as Prometheus does.

import Ground
import Protocol

struct AlertmanagerBody: Sendable {
  /// How often firing alerts are sent again.
  static let interval = Duration.seconds(60)
  /// How long a firing alert counts without being sent again: Prometheus takes four intervals, too.
  static let life = Duration.seconds(240)
  /// The largest number of alerts of one request.
  static let alertsAtOnce = 1000

  /// The URL of the pgAnalytics server for links; empty for none.
  let publicURL: String
  let now: Timestamp

  /// The bodies of the requests for `findings`, each with at most `alertsAtOnce` alerts.
  func parts(_ findings: [NotifiedFinding]) -> [[UInt8]] {
    stride(from: 0, to: findings.count, by: Self.alertsAtOnce).map { start in
      bytes(findings[start..<min(start + Self.alertsAtOnce, findings.count)])
    }
  }

  private func bytes(_ findings: some Collection<NotifiedFinding>) -> [UInt8] {
    var json = JSONWriter()
    json.array { json in for finding in findings { write(finding, to: &json) } }
    return json.finish().withUnsafeBytes { Array($0) }
  }

  /// A test alert, which ends at once.
  func testBytes(_ message: NotificationMessage) -> [UInt8] {
    var json = JSONWriter()
    json.array { json in
      json.object { json in
        json.key("labels")
        json.object { json in
          json.member("alertname", "pganalytics_test")
          json.member("severity", "warning")
        }
        json.key("annotations")
        json.object { json in json.member("summary", message.title) }
        json.member("startsAt", message.createdAt.rfc3339)
        json.member("endsAt", now.rfc3339)
      }
    }
    return json.finish().withUnsafeBytes { Array($0) }
  }

  private func write(_ finding: NotifiedFinding, to json: inout JSONWriter) {
    json.object { json in
      // The labels are the identity of the alert, so they hold nothing that changes while the finding is open.
      json.key("labels")
      json.object { json in
        var names: Set = ["alertname", "severity", "server", "server_id", "subject"]
        json.member("alertname", finding.check)
        json.member("severity", finding.severity)
        json.member("server", finding.server)
        json.member("server_id", String(finding.serverID))
        if !finding.subject.isEmpty { json.member("subject", finding.subject) }
        for label in finding.labels.members {
          guard case .string(let value) = label.value else { continue }
          let name = Self.labelName(label.name)
          if names.insert(name).inserted { json.member(name, value) }
        }
      }
      json.key("annotations")
      json.object { json in
        json.member("summary", finding.message)
        json.member("finding_id", String(finding.id))
        if let value = finding.value { json.member("value", "\(value)") }
        if let threshold = finding.threshold { json.member("threshold", "\(threshold)") }
      }
      json.member("startsAt", finding.openedAt.rfc3339)
      let life = Self.life.wholeNanoseconds / 1000
      let end = finding.endedAt ?? Timestamp(unixMicroseconds: now.unixMicroseconds + life)
      json.member("endsAt", end.rfc3339)
      if !publicURL.isEmpty { json.member("generatorURL", "\(publicURL)/api/v1/findings/\(finding.id)") }
    }
  }

  /// Names of labels in Alertmanager are letters, digits and underscores, and do not begin with a digit.
  private static func labelName(_ name: String) -> String {
    "label_"
      + String(
        String.UnicodeScalarView(
          name.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil) ? scalar : "_"
          }))
  }
}
