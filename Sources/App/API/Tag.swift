/// The chapters of the API's documentation.
enum Tag: String, CaseIterable, Sendable {
  case authentication = "Authentication"
  case users = "Users"
  case registrationSecrets = "Registration secrets"
  case collectors = "Collectors"
  case configuration = "Configuration"
  case ingest = "Ingest"
  case servers = "Servers"
  case reads = "Reads"
  case findings = "Findings"
  case notifications = "Notifications"
  case system = "System"

  var prose: String {
    switch self {
    case .authentication: "Logging in and out, and changing one's password."
    case .users: "The people who may use this API, and their roles."
    case .registrationSecrets: "The secrets for enrolment. A secret is shown once and stored only as a digest."
    case .collectors: "Enrolment, identity and revocation of collectors."
    case .configuration: "The configuration each collector fetches, in versions."
    case .ingest: "How collectors deliver metrics. 200 means that they are committed."
    case .servers: "The monitored servers and their metrics."
    case .reads: "Answers to questions about the fleet, one server or one statement."
    case .findings: "What checks find in the metrics, who takes care of it, and what is silenced."
    case .notifications: "Channels, to which openings and endings of findings are reported, and their deliveries."
    case .system: "Health, version, audit trail and this document."
    }
  }
}
