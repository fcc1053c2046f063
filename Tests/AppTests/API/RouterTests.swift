import Protocol
import Testing

@testable import App

private func route(_ method: HTTPMethod, _ path: String) throws -> String {
  switch try Router(Sample.things).match(method, try RequestTarget(path)) {
  case .found(let endpoint, let parameters):
    let values = parameters.values.map { " \($0.name)=\($0.value)" }.joined()
    return endpoint.id + values
  case .methodNotAllowed(let allow): return allow.map(\.name).joined(separator: ",")
  case .notFound: return "-"
  }
}

private func endpoint(_ id: String, _ method: HTTPMethod, _ path: PathPattern) -> Endpoint {
  Endpoint(method, path, id: id, tag: .system, access: .anyone, summary: "", returns: NoContent.self) {
    _, _ async throws(Problem) -> NoContent in NoContent()
  }
}

private let uuid = "11111111-1111-4111-8111-111111111111"

@Suite struct RouterTests {
  @Test(arguments: [
    (HTTPMethod.get, "/api/v1/things", "listThings"),
    (.head, "/api/v1/things", "listThings"),
    (.post, "/api/v1/things", "makeThing"),
    (.get, "/api/v1/things?page=1", "listThings"),
    (.get, "/api/v1/th%69ngs", "listThings"),
    (.post, "/api/v1/push", "push"),
    (.get, "/api/v1/things/\(uuid)", "getThing id=uuid(\(uuid))"),
    (.get, "/api/v1/things/11111111-1111-4111-8111-11111111111A", "getThing id=uuid(\(uuid.dropLast())a)"),
    (.head, "/api/v1/things/\(uuid)", "getThing id=uuid(\(uuid))"),
    (.delete, "/api/v1/things/\(uuid)", "deleteThing id=uuid(\(uuid))"),
    (.get, "/api/v1/numbers/12/a%20b", "getNumber n=integer(12) name=text(\"a b\")"),
    (.put, "/api/v1/things", "GET,HEAD,POST"),
    (.patch, "/api/v1/things/\(uuid)", "DELETE,GET,HEAD"),
    (.head, "/api/v1/push", "POST"),
    (.get, "/api/v1/push", "POST"),
    (.other("BREW"), "/api/v1/things", "GET,HEAD,POST"),
    (.get, "/", "-"),
    (.get, "/api/v1/things/", "-"),
    (.get, "/api/v1//things", "-"),
    (.get, "/API/v1/things", "-"),
    (.get, "/api/v1/things/\(uuid)/", "-"),
    (.get, "/api/v1/things/collector-001", "-"),
    (.get, "/api/v1/numbers/0/a", "-"),
    (.get, "/api/v1/numbers/01/a", "-"),
    (.get, "/api/v1/numbers/-1/a", "-"),
    (.get, "/api/v1/numbers/+1/a", "-"),
    (.get, "/api/v1/numbers/99999999999999999999/a", "-"),
    (.get, "/api/v1/numbers/1/", "-"),
    (.get, "/api/v1/numbers/1", "-"),
    (.options, "*", "-"),
  ])
  func `the router finds the endpoint, the allowed methods, or nothing`(
    method: HTTPMethod, path: String, expected: String
  ) throws {
    #expect(try route(method, path) == expected)
  }

  @Test func `a fixed path wins over a pattern, and the pattern answers other methods`() throws {
    let router = try Router([endpoint("fixed", .post, "/a/new"), endpoint("pattern", .get, "/a/{name}")])
    func id(_ method: HTTPMethod) throws -> String {
      switch router.match(method, try RequestTarget("/a/new")) {
      case .found(let endpoint, _): endpoint.id
      case .methodNotAllowed(let allow): allow.map(\.name).joined(separator: ",")
      case .notFound: "-"
      }
    }
    #expect(try id(.post) == "fixed")
    #expect(try id(.get) == "pattern")
    #expect(try id(.head) == "pattern")
    #expect(try id(.put) == "GET,HEAD,POST")
  }

  @Test func `a declared HEAD endpoint wins over GET`() throws {
    let router = try Router([endpoint("get", .get, "/a/{name}"), endpoint("head", .head, "/a/{name}")])
    guard case .found(let found, _) = router.match(.head, try RequestTarget("/a/b")) else {
      Issue.record("not found")
      return
    }
    #expect(found.id == "head")
  }

  @Test(
    arguments: [
      ("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/a/{x:int}", "/a/{y}"), ("/a/{x}/c", "/a/b/{y}"),
      ("/a/{x:int}", "/a/{y:int}"),
    ] as [(PathPattern, PathPattern)])
  func `two endpoints that match the same request are refused`(one: PathPattern, two: PathPattern) {
    #expect(throws: RouterError.ambiguous("one", "two")) {
      try Router([endpoint("one", .get, one), endpoint("two", .get, two)])
    }
    _ = #expect(throws: Never.self) { try Router([endpoint("one", .get, one), endpoint("two", .post, two)]) }
  }

  @Test(
    arguments: [
      ("/a/{x:int}", "/a/{y:uuid}"), ("/a/{x:uuid}/c", "/a/b/{y}"), ("/a/{x}", "/a/{x}/b"), ("/a/b", "/a/{x}"),
    ] as [(PathPattern, PathPattern)])
  func `two endpoints are allowed if no request matches both`(one: PathPattern, two: PathPattern) throws {
    _ = try Router([endpoint("one", .get, one), endpoint("two", .get, two)])
  }

  @Test func `an id that occurs twice is refused`() {
    #expect(throws: RouterError.duplicateID("one")) {
      try Router([endpoint("one", .get, "/a"), endpoint("one", .get, "/b")])
    }
  }
}
