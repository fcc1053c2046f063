// The endpoint that serves the OpenAPI document, which also describes this endpoint.

import Protocol

extension Endpoint {
  /// Adds an endpoint that serves the document about all endpoints. The document is rendered once, here.
  static func documented(_ endpoints: [Endpoint], title: String, version: String, description: String) -> [Endpoint] {
    let declared = openAPI { _ in HTTPResponse(status: .ok) }
    let document = OpenAPIDocument(
      title: title, version: version, description: description, endpoints: endpoints + [declared]
    ).render()
    let file = StaticFile(.json, document)
    return endpoints + [openAPI { file.response(to: $0) }]
  }

  private static func openAPI(_ answer: @escaping @Sendable (HTTPRequestHead) -> HTTPResponse) -> Endpoint {
    let document = AnswerDeclaration.Content(type: .json, schema: Schema(.object), example: ["openapi": "3.1.0"])
    return Endpoint(
      .get, "/api/v1/openapi.json", id: "openAPI", tag: .system, access: .anyone, command: "openapi",
      summary: "This document.", fields: [.ifNoneMatch],
      returns: HTTPResponse.self,
      answers: [
        AnswerDeclaration(
          prose: "An OpenAPI 3.1 document.", contents: [document],
          fields: [.init(name: "ETag", schema: .string, prose: "Changes with the document.")]),
        .empty(.notModified, prose: "The document has the ETag of If-None-Match."),
      ]
    ) { request, _ async throws(Problem) -> HTTPResponse in answer(request.head) }
  }
}
