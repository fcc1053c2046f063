import Ground
import Protocol

/// The text that `up` prints when it is ready: the locations, and three commands that work as printed. The commands
/// read secrets from the credentials file, so a log of this text contains none.
struct Welcome {
  let text: String

  /// - Parameters:
  ///   - file: the path of the credentials file.
  ///   - databaseDirectory: the directory of the private PostgreSQL.
  ///   - showsSecrets: whether the text contains the secrets: at a terminal, if they are new.
  init(_ credentials: Credentials, file: String, databaseDirectory: String, showsSecrets: Bool) {
    let url = credentials.baseURL
    let curl = "curl -sS --cacert \(Self.quoted(credentials.authorityFile))"
    let json = "-H 'Content-Type: application/json'"
    // The commands read an answer's fields with sed, so that neither jq nor python is needed.
    let field = { (name: String, file: String) in #"$(sed 's/.*"\#(name)":"\([^"]*\)".*/\1/' \#(file))"# }
    let word = Self.quoted(file)
    let enrol = """
      \(curl) -H "X-Registration-Secret: \(field("registration_secret", word))" \(json) \
      -d '{"name":"demo","hostname":"demo"}' -o demo.json \(url)/api/v1/collectors/register \
      && sed 's/\\\\n/\\n/g' demo.json | sed 's/.*-----BEGIN/-----BEGIN/' | sed '/"/d' > demo.pem \
      && chmod 600 demo.json demo.pem
      """
    let push = """
      \(curl) --cert demo.pem -H "Authorization: Bearer \(field("token", "demo.json"))" \(json) \
      -d '{"collector_id":"'\(field("collector_id", "demo.json"))'","hostname":"demo","timestamp":"'$(date -u +%FT%TZ)'",\
      "metrics":[{"type":"disk_usage","timestamp":"'$(date -u +%FT%TZ)'","filesystems":[{"device":"/dev/vda","mount":"/",\
      "total_gb":100,"used_gb":40,"free_gb":60,"percent_used":40.0}]}]}' \(url)/api/v1/metrics/push; echo
      """
    let password = credentials.adminPassword == nil ? "YOUR-PASSWORD" : "'\"\(field("password", word))\"'"
    let query = """
      \(curl) -H "Authorization: Bearer $(\(curl) \(json) -d '{"username":"\(credentials.adminUsername)",\
      "password":"\(password)"}' \(url)/api/v1/auth/login | \
      sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')" \
      \(url)/api/v1/servers/\(Self.serverID)/metrics?metric_type=disk_usage; echo
      """
    var secrets = ""
    if showsSecrets {
      secrets = """

          Administrator        \(credentials.adminUsername)
          Password             \(credentials.adminPassword ?? "")
          Registration secret  \(credentials.registrationSecret)

        These are shown this once, and kept in the file of the credentials.

        """
    }
    text = """

      pgAnalytics \(Version.text) is up.

        API          \(url)/api/v1
        Docs         \(url)/api/v1/openapi.json
        Credentials  \(file)
        Database     \(databaseDirectory)
      \(secrets)
      Enrol a collector:

      \(enrol)

      Push a metric:

      \(push)

      Query it:

      \(query)

      Ctrl-C stops everything.
      """
  }

  /// The id of the server that the enrolment made.
  private static let serverID = #"$(sed 's/.*"server_id":\([0-9]*\).*/\1/' demo.json)"#

  /// A path quoted for the shell.
  private static func quoted(_ path: String) -> String {
    "'" + path.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'"
  }
}
