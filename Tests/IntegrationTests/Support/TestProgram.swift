import Protocol
import Testing

@testable import App

/// A program with an API token.
struct TestProgram: Sendable {
  let id: String
  let token: String
  let server: RunningServer

  /// - Parameter labels: those to which the token is restricted.
  init(
    of owner: TestUser, _ role: Role, named name: String = "t-\(UUID.random())", labels: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await owner.request(
      "POST", "/api/v1/tokens",
      [
        "name": .string(name), "role": .string(role.rawValue), "labels": .array(labels.map { .string($0) }),
      ])
    try #require(answer.status == 201, "\(answer)", sourceLocation: sourceLocation)
    id = try #require(answer.json["id"]?.text)
    token = try #require(answer.json["token"]?.text)
    server = owner.server
  }

  func request(
    _ method: String, _ target: String, _ json: JSONValue? = nil, at other: RunningServer? = nil
  ) async throws -> TestAnswer {
    try await (other ?? server).request(method, target, json, [("Authorization", "Bearer \(token)")])
  }

  /// The slug of the refusal of a request; nil if the server accepts it.
  func refusal(at other: RunningServer? = nil) async throws -> String? {
    let answer = try await request("GET", "/api/v1/auth/me", at: other)
    return answer.status == 200 ? nil : answer.error
  }
}
