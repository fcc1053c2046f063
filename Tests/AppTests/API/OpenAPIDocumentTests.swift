import Protocol
import Testing

@testable import App

private func document() throws -> JSONValue {
  let endpoints = Endpoint.documented(Sample.things, title: "Sample", version: "1.2.3", description: "For tests.")
  let bytes = OpenAPIDocument(title: "Sample", version: "1.2.3", description: "For tests.", endpoints: endpoints)
    .render()
  return try JSONValue.parse(bytes.span)
}

private func members(_ value: JSONValue?) -> [String] {
  if case .object(let object) = value { object.members.map(\.name) } else { [] }
}

private func elements(_ value: JSONValue?) -> [JSONValue] {
  if case .array(let elements) = value { elements } else { [] }
}

/// Every `$ref` in the tree.
private func references(_ value: JSONValue) -> Set<String> {
  switch value {
  case .object(let object):
    object.members.reduce(into: []) { all, member in
      if member.name == "$ref", let path = member.value.text { all.insert(path) }
      all.formUnion(references(member.value))
    }
  case .array(let elements): elements.reduce(into: []) { $0.formUnion(references($1)) }
  case .null, .bool, .integer, .double, .string: []
  }
}

@Suite struct OpenAPIDocumentTests {
  @Test func `the document has each endpoint once, under its path and method`() throws {
    let paths = try document()["paths"]
    #expect(
      members(paths) == [
        "/api/v1/things", "/api/v1/things/{id}", "/api/v1/things/{id}/config", "/api/v1/tokens", "/api/v1/push",
        "/api/v1/numbers/{n}/{name}", "/api/v1/register", "/api/v1/health", "/api/v1/openapi.json",
      ])
    #expect(members(paths?["/api/v1/things"]) == ["get", "post"])
    #expect(members(paths?["/api/v1/things/{id}"]) == ["get", "delete"])
    #expect(paths?["/api/v1/things/{id}"]?["delete"]?["operationId"] == "deleteThing")
  }

  @Test func `every reference of the document has a target`() throws {
    let document = try document()
    let found = references(document)
    #expect(found.count > 10)
    for path in found {
      let target = path.dropFirst(2).split(separator: "/").reduce(document as JSONValue?) { $0?[String($1)] }
      #expect(target != nil, "\(path)")
    }
  }

  @Test func `the document describes parameters with types, defaults and prose`() throws {
    let operation = try document()["paths"]?["/api/v1/things"]?["get"]
    let parameters = elements(operation?["parameters"])
    #expect(parameters.map { $0["name"]?.text } == ["page", "page_size", "colour", "since", "window", "name"])
    #expect(
      parameters[2] == [
        "name": "colour", "in": "query", "description": "Only these.",
        "schema": ["type": "string", "enum": ["red", "green"]],
      ])
    let number = try document()["paths"]?["/api/v1/numbers/{n}/{name}"]?["get"]
    #expect(
      elements(number?["parameters"]).first == [
        "name": "n", "in": "path", "required": true, "schema": ["type": "integer", "minimum": 1],
      ])
    let push = try document()["paths"]?["/api/v1/push"]?["post"]
    #expect(elements(push?["parameters"]).map { $0["in"] } == ["header"])
  }

  @Test func `the document lists answers and problems by status, with examples and Retry-After`() throws {
    let responses = try document()["paths"]?["/api/v1/things"]?["post"]?["responses"]
    #expect(
      members(responses) == ["201", "400", "401", "403", "406", "409", "413", "414", "415", "422", "429", "500", "503"])
    let created = responses?["201"]?["content"]?["application/json"]
    #expect(created?["schema"] == ["$ref": "#/components/schemas/Thing"])
    #expect(created?["example"]?["colour"] == "green")
    #expect(members(responses?["503"]?["headers"]) == ["Retry-After"])
    let examples = responses?["503"]?["content"]?["application/json"]?["examples"]
    #expect(members(examples) == ["overloaded", "database_unavailable", "outcome_unknown", "shutting_down"])
    let number = try document()["paths"]?["/api/v1/numbers/{n}/{name}"]?["get"]?["responses"]
    #expect(members(number?["200"]?["content"]) == ["text/plain", "text/csv"])
  }

  @Test func `the document states the security of each endpoint`() throws {
    let paths = try document()["paths"]
    #expect(paths?["/api/v1/openapi.json"]?["get"]?["security"] == [])
    #expect(paths?["/api/v1/things"]?["get"]?["security"] == [["bearerToken": []]])
    #expect(paths?["/api/v1/push"]?["post"]?["security"] == [["bearerToken": [], "clientCertificate": []]])
    #expect(paths?["/api/v1/register"]?["post"]?["security"] == [["registrationSecret": []]])
  }

  @Test func `a declared answer replaces the problems of its status`() throws {
    let responses = try document()["paths"]?["/api/v1/health"]?["get"]?["responses"]
    #expect(responses?["503"]?["description"] == "It is not well.")
    #expect(members(responses).filter { $0 == "503" }.count == 1)
  }

  @Test func `the document is served with an entity tag`() async throws {
    let endpoints = Endpoint.documented(Sample.things, title: "Sample", version: "1", description: "")
    let endpoint = try #require(endpoints.last)
    let request = AdmittedRequest(head: try head("GET", "/api/v1/openapi.json"), path: PathParameters(), body: [])
    let full = await endpoint.respond(to: request, context()).response
    #expect(full.status == .ok)
    #expect(try full.json()["paths"]?["/api/v1/openapi.json"] != nil)
    let tag = try #require(full.value(of: "ETag"))
    let again = AdmittedRequest(
      head: try head("GET", "/api/v1/openapi.json", ["If-None-Match: \(tag)"]), path: PathParameters(), body: [])
    #expect(await endpoint.respond(to: again, context()).response.status == .notModified)
  }
}
