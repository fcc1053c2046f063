/// What `up` prints when it is ready: where things are, and three lines that work as they stand.
struct Welcome {
  let text: String

  init(_ credentials: Credentials, file: String) {
    let url = credentials.baseURL
    let curl = "curl -sS --cacert '\(credentials.authorityFile)'"
    let json = "-H 'Content-Type: application/json'"
    // The shell takes the answer's fields apart with sed, so that neither jq nor python is needed.
    let field = { (name: String, file: String) in #"$(sed 's/.*"\#(name)":"\([^"]*\)".*/\1/' \#(file))"# }
    let enrol = """
      \(curl) -H 'X-Registration-Secret: \(credentials.registrationSecret)' \(json) \
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
    let query = """
      \(curl) -H "Authorization: Bearer $(\(curl) \(json) -d '{"username":"\(credentials.adminUsername)",\
      "password":"\(credentials.adminPassword)"}' \(url)/api/v1/auth/login | \
      sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')" \
      \(url)/api/v1/servers/\(Self.serverID(curl))/metrics?metric_type=disk_usage; echo
      """
    text = """

      pgAnalytics \(Version.text) is up.

        API          \(url)/api/v1
        Docs         \(url)/api/v1/openapi.json
        Credentials  \(file)

      Enrol a collector:

      \(enrol)

      Push a metric:

      \(push)

      Query it:

      \(query)

      Ctrl-C stops everything.
      """
  }

  /// The server that the enrolment made.
  private static func serverID(_ curl: String) -> String { #"$(sed 's/.*"server_id":\([0-9]*\).*/\1/' demo.json)"# }
}
