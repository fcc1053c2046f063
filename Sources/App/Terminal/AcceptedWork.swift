// Work that the server has accepted with status 202 and does by itself, such as the removal of a monitored server.

import Protocol

/// Waits for accepted work. The server goes on with it also if nobody waits.
struct AcceptedWork: Sendable {
  private static let pause = Duration.milliseconds(500)

  let client: APIClient
  /// The path of the progress, from the field `Location`.
  let path: String

  /// Asks for the progress until the work is finished. A terminal shows it.
  /// - Returns: the last answer.
  func wait(_ title: String) async throws(ClientFailure) -> JSONValue? {
    var bar = ProgressBar(title)
    defer { bar.end() }
    while true {
      let answer: JSONValue?
      do throws(ClientFailure) {
        answer = try await client.json(.get(path))
      } catch {
        throw ClientFailure(error.status, "\(error.description) The server goes on with the work: GET \(path).")
      }
      guard answer?[member: "status"]?.string == "running" else { return answer }
      let table = answer?[member: "table"]?.string.map { " " + $0 } ?? ""
      let failure = answer?[member: "failure"]?.string.map { "; tried again after: \($0)" } ?? ""
      bar.count(Int(answer?[member: "rows_removed"]?.integer ?? 0), "rows removed\(table)\(failure)")
      do { try await Task.sleep(for: Self.pause) } catch { return answer }
    }
  }
}
