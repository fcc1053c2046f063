import Protocol
import Testing

@testable import App

private let uuid = "11111111-1111-4111-8111-111111111111"

private func respond(
  _ id: String, _ head: HTTPRequestHead, body: String = "", as principal: Principal = .anonymous
) async throws -> HTTPResponse {
  guard case .found(let endpoint, let path) = try Router(Sample.things).match(head.method, head.target),
    endpoint.id == id
  else { throw NotAHead() }
  let request = AdmittedRequest(head: head, path: path, body: Array(body.utf8))
  return await endpoint.respond(to: request, context(principal)).response
}

private func refusal(_ id: String, _ head: HTTPRequestHead, by principal: Principal) throws -> Problem? {
  let endpoint = try Sample.endpoint(id)
  do throws(Problem) {
    try endpoint.admit(head, by: .principal(principal))
    return nil
  } catch {
    return error
  }
}

@Suite struct EndpointTests {
  @Test func `an endpoint decodes query and body, runs its handler and encodes the answer`() async throws {
    let body = #"""
      {"name":"bell","size":3,"colour":"red","id":"\#(uuid)","from":"2026-01-01T00:00:00Z",
      "until":"2026-01-02T00:00:00Z","owner":{"name":"Ada"}}
      """#
    let made = try await respond("makeThing", try head("POST", "/api/v1/things"), body: body)
    #expect(made.status == .created && made.value(of: "Content-Type") == "application/json")
    #expect(try made.json()["id"] == .string(uuid))

    let list = try await respond("listThings", try head("GET", "/api/v1/things?page=2&page_size=5"))
    #expect(try list.json() == ["data": [], "total": 41, "page": 2, "page_size": 5, "total_pages": 9])

    let gone = try await respond("deleteThing", try head("DELETE", "/api/v1/things/\(uuid)"))
    #expect(gone == HTTPResponse(status: .noContent))

    let stored = try await respond("putThingConfig", try head("PUT", "/api/v1/things/\(uuid)/config"), body: "a = 1")
    #expect(stored.status == .ok && stored.body == Array("a = 1".utf8) && stored.value(of: "ETag") == "\"v1\"")

    let number = try await respond("getNumber", try head("GET", "/api/v1/numbers/7/x"))
    #expect(number.body == Array("7 x".utf8))
  }

  @Test func `every problem is answered in one JSON shape`() async throws {
    let broken = try await respond("makeThing", try head("POST", "/api/v1/things"), body: #"{"name":}"#)
    #expect(
      try broken.json() == [
        "code": 400, "error": "invalid_json", "message": "The body is not well-formed JSON.",
        "details": "unexpected character, at byte 8", "request_id": "r-1",
      ])
    let empty = try await respond("makeThing", try head("POST", "/api/v1/things"))
    #expect(try empty.json()["details"] == "the text ends too early, at byte 0")
    let invalid = try await respond("makeThing", try head("POST", "/api/v1/things"), body: "{}")
    #expect(invalid.status == .unprocessableContent)
    let query = try await respond("getThing", try head("GET", "/api/v1/things/\(uuid)?x=1"))
    #expect(query.status == .badRequest)
    #expect(try query.json()["details"] == #"there is no parameter "x""#)
    for body in ["\0", ""] {
      let text = try await respond("putThingConfig", try head("PUT", "/api/v1/things/\(uuid)/config"), body: body)
      #expect(text.status == .unprocessableContent)
    }
  }

  @Test func `a problem response has Retry-After, a challenge with 401, or fields of its own`() throws {
    let busy = Problem(.overloaded, retryAfterSeconds: 7).response(requestID: "r")
    #expect(busy.value(of: "Retry-After") == "7" && busy.status == .serviceUnavailable)
    let unknown = Problem(.unauthenticated).response(requestID: "r")
    #expect(unknown.value(of: "WWW-Authenticate") == #"Bearer realm="pganalytics""#)
    #expect(try unknown.json()["details"] == nil)
    let method = Problem.methodNotAllowed([.get, .head]).response(requestID: "r")
    #expect(method.value(of: "Allow") == "GET, HEAD" && method.status == .methodNotAllowed)
  }

  @Test(arguments: [
    ("listThings", Principal.anonymous, Problem.Kind.unauthenticated),
    ("listThings", collector(), .insufficientRole),
    ("listThings", user(.viewer), nil),
    ("makeThing", user(.viewer), .insufficientRole),
    ("makeThing", user(.operator), nil),
    ("deleteThing", user(.operator), .insufficientRole),
    ("deleteThing", user(.admin), nil),
    ("getThing", user(.viewer), nil),
    ("getThing", collector(hasCertificate: false), nil),
    ("getThing", .anonymous, .unauthenticated),
    ("refreshToken", collector(), nil),
    ("refreshToken", collector(hasCertificate: false), .certificateRequired),
    ("refreshToken", user(.admin), .insufficientRole),
    ("push", .anonymous, .unauthenticated),
    ("register", .anonymous, nil),
    ("getNumber", .anonymous, nil),
  ])
  func `an endpoint admits only the callers that its access rule names`(
    id: String, principal: Principal, expected: Problem.Kind?
  ) throws {
    let method = try Sample.endpoint(id).method.name
    #expect(try refusal(id, try head(method, "/"), by: principal)?.kind == expected)
  }

  @Test(
    arguments: [
      (["Content-Type: application/json", "Content-Length: 5"], nil),
      (["Content-Type: application/json; charset=utf-8", "Content-Length: 5"], nil),
      (["Content-Type: Application/JSON;charset=UTF-8", "Transfer-Encoding: chunked"], nil),
      (["Content-Length: 5"], nil),
      (["Content-Type: text/plain", "Content-Length: 5"], .unsupportedMediaType),
      (["Content-Type: application/jsonx", "Content-Length: 5"], .unsupportedMediaType),
      (["Content-Type: json", "Content-Length: 5"], .unsupportedMediaType),
      (["Content-Type: application/json", "Content-Encoding: gzip", "Content-Length: 5"], .unsupportedContentCoding),
      (["Content-Type: application/json", "Content-Length: 1048576"], nil),
      (["Content-Type: application/json", "Content-Length: 1048577"], .bodyTooLarge),
      (["Accept: text/html", "Content-Length: 5"], .notAcceptable),
      (["Accept: text/html, */*;q=0.1", "Content-Length: 5"], nil),
    ] as [([String], Problem.Kind?)])
  func `an endpoint judges a request body by its head fields`(fields: [String], expected: Problem.Kind?) throws {
    #expect(try refusal("makeThing", try head("POST", "/", fields), by: user(.admin))?.kind == expected)
  }

  @Test func `leaves the coding of a push to the loop, and a body that is not read alone`() throws {
    let gzip = ["Content-Type: text/plain", "Content-Encoding: gzip", "Content-Length: 5"]
    #expect(try refusal("push", try head("POST", "/", gzip), by: collector())?.kind == .unsupportedMediaType)
    #expect(try refusal("push", try head("POST", "/", Array(gzip.dropFirst())), by: collector()) == nil)
    let large = ["Content-Length: \((64 << 20))"]
    #expect(try refusal("push", try head("POST", "/", large), by: collector()) == nil)
    #expect(try refusal("refreshToken", try head("POST", "/", gzip + ["Expect: 100-continue"]), by: collector()) == nil)
  }

  @Test func `an endpoint refuses a push with a query before the body arrives`() throws {
    #expect(try refusal("push", try head("POST", "/?dry_run=1"), by: collector())?.details?.contains("dry_run") == true)
    #expect(try refusal("push", try head("POST", "/?"), by: collector()) == nil)
  }

  @Test func `an endpoint lists each problem that follows from its declaration once`() throws {
    let tokenProblems: [Problem.Kind] = [
      .invalidToken, .malformedToken, .unsupportedAlgorithm, .unknownKey, .badSignature, .wrongIssuer, .wrongAudience,
      .missingClaim, .tokenNotYetValid, .expiredToken, .tokenRevoked, .sessionEnded, .tokenRefused,
    ]
    let ownProblems: [Problem.Kind] = [
      .insufficientRole, .rateLimited, .internalError, .overloaded, .databaseUnavailable, .outcomeUnknown,
      .shuttingDown,
    ]
    #expect(
      try Sample.endpoint("makeThing").problems == [
        .targetTooLong, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding, .notAcceptable, .invalidJSON,
        .invalidQuery, .validationFailed, .conflict, .unauthenticated,
      ] + tokenProblems + ownProblems)
    #expect(
      try Sample.endpoint("deleteThing").problems == [
        .targetTooLong, .notFound, .invalidQuery, .unauthenticated,
      ] + tokenProblems + ownProblems)
  }

  @Test func `every problem has a slug, an error status and a sentence`() {
    #expect(Set(Problem.Kind.allCases.map(\.message)).count == Problem.Kind.allCases.count)
    for kind in Problem.Kind.allCases {
      #expect((400...599).contains(kind.status.code) && kind.message.hasSuffix("."))
      #expect(kind.slug.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F })
    }
  }
}
