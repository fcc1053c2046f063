import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// docs/IDENTITY.md lists the access to every endpoint, as the endpoints declare it.
@Suite struct AccessTableTests {
  private static let path =
    #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" } + "/docs/IDENTITY.md"
  private static let begin = "<!-- Access, from the declarations -->\n"
  private static let end = "\n<!-- End of access -->"

  @Test func `the document has the access table of the declarations`() async throws {
    let table = AccessTable.markdown(try await RunningServer.shared(.plain).server.endpoints)
    let text = String(decoding: try LocalFile.read(Self.path, maximumBytes: 1 << 20) ?? [], as: UTF8.self)
    let start = try #require(text.range(of: Self.begin)?.upperBound)
    let stop = try #require(text.range(of: Self.end)?.lowerBound)
    if getenv("RENEW_GOLDEN") != nil {
      let renewed = String(text[..<start]) + table + String(text[stop...])
      let file = try #require(fopen(Self.path, "w"))
      fputs(renewed, file)
      fclose(file)
      return
    }
    #expect(String(text[start..<stop]) == table, "renew it: RENEW_GOLDEN=1 swift test --filter AccessTableTests")
  }

  @Test func `operators may work on enrolments, configurations and secrets, not on servers and users`() async throws {
    let table = AccessTable.markdown(try await RunningServer.shared(.plain).server.endpoints).split(separator: "\n")
    func row(_ endpoint: String) throws -> Substring { try #require(table.first { $0.contains("`\(endpoint)`") }) }
    for endpoint in [
      "POST /api/v1/collectors/{id}/permit-enrolment", "PUT /api/v1/config/{collector_id}",
      "POST /api/v1/registration-secrets", "DELETE /api/v1/registration-secrets/{id}",
    ] { #expect(try row(endpoint).hasSuffix("|  | yes | yes |  |"), "\(endpoint)") }
    for endpoint in ["DELETE /api/v1/servers/{id}", "DELETE /api/v1/collectors/{id}", "POST /api/v1/users"] {
      #expect(try row(endpoint).hasSuffix("|  |  | yes |  |"), "\(endpoint)")
    }
  }
}

extension String {
  /// The first occurrence of `text`.
  fileprivate func range(of text: String) -> Range<String.Index>? { ranges(of: text).first }
}
