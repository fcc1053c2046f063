// The two pages for browsers: a start page, and the API's documentation, in which requests can be tried. Nothing is
// loaded from other hosts, and the Content-Security-Policy enforces that.

import Ground
import Protocol

struct IndexAnswer: ResponseBody {
  static let schemaName = "Index"
  static let example = IndexAnswer(isHealthy: true)

  let isHealthy: Bool

  func write(to object: inout ObjectWriter) {
    object.member("name", "pgAnalytics")
    object.member(
      "description", "Collectors push metrics of PostgreSQL servers here; people read them through the API.")
    object.member("version", Version.text)
    object.member("status", isHealthy ? "ok" : "degraded", "As `health` says.")
    object.member("health", "/api/v1/health")
    object.member("documentation", "/docs", "For browsers.")
    object.member("openapi", "/api/v1/openapi.json")
    object.member(
      "credentials",
      "credentials.json in the data directory of `pganalytics up`; else an account of `pganalytics user add`")
    object.member("login", "/api/v1/auth/login")
  }
}

enum PageEndpoints {
  /// - Parameters:
  ///   - swaggerUI: nil if it is not installed.
  ///   - isHealthy: whether the database answers.
  static func all(_ swaggerUI: SwaggerUI?, isHealthy: @escaping @Sendable () async -> Bool) -> [Endpoint] {
    [index(swaggerUI, isHealthy), docs(swaggerUI), file(swaggerUI)]
  }

  private static let policy = [
    HTTPField(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
    HTTPField("Referrer-Policy", "no-referrer"),
  ]

  private static func index(
    _ swaggerUI: SwaggerUI?, _ isHealthy: @escaping @Sendable () async -> Bool
  ) -> Endpoint {
    let documentation =
      swaggerUI == nil
      ? "Swagger UI is not installed here (setting <code>swagger_ui_dir</code>); "
      : "<a href=\"/docs\">Documentation, to read and to try</a>, "
    let template = String(decoding: PackageResources.index_html, as: UTF8.self)
      .replacing("{{documentation}}", with: documentation)
    return Endpoint(
      .get, "/", id: "getIndex", tag: .system, access: .anyone, summary: "What this is and where things are.",
      returns: HTTPResponse.self,
      answers: [.json(IndexAnswer.self).or(.text(.html, example: "<!doctype html>", prose: "For browsers."))]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let isHealthy = await isHealthy()
      let vary = HTTPField("Vary", "Accept")
      guard try request.head.negotiate([.json, .html]) == .html else {
        return .json(IndexAnswer(isHealthy: isHealthy), fields: [vary])
      }
      let origin = "https://" + (request.head.string(named: "host") ?? context.settings.listen)
      let page = template.replacing("{{status}}", with: isHealthy ? "ok" : "degraded")
        .replacing(
          "{{health}}", with: isHealthy ? "working" : "the database cannot be reached; pushes are answered 503"
        )
        .replacing("{{version}}", with: Version.text)
        .replacing("{{origin}}", with: escaped(origin))
      return HTTPResponse(
        status: .ok,
        fields: policy + [HTTPField("Content-Type", "text/html; charset=utf-8"), vary],
        body: Array(page.utf8))
    }
  }

  private static func docs(_ swaggerUI: SwaggerUI?) -> Endpoint {
    let page = StaticFile(.html, PackageResources.docs_html)
    return Endpoint(
      .get, "/docs", id: "getDocs", tag: .system, access: .anyone, summary: "This documentation, in Swagger UI.",
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [.text(.html, example: "<!doctype html>"), unchanged], problems: [.notFound]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      if swaggerUI == nil { throw missing }
      return page.response(to: request.head, policy)
    }
  }

  private static func file(_ swaggerUI: SwaggerUI?) -> Endpoint {
    var files = [
      "pages.css": StaticFile(.css, PackageResources.pages_css),
      "docs.js": StaticFile(.javascript, PackageResources.docs_js),
    ]
    files["swagger-ui-bundle.js"] = swaggerUI?.script
    files["swagger-ui.css"] = swaggerUI?.style
    return Endpoint(
      .get, "/docs/{file}", id: "getDocsFile", tag: .system, access: .anyone, summary: "A file of the pages.",
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [.text(.css, example: "a {}").or(.text(.javascript, example: "\"use strict\";")), unchanged],
      problems: [.notFound]
    ) { [files] request, _ async throws(Problem) -> HTTPResponse in
      guard let file = files[request.path.text("file")] else { throw missing }
      return file.response(to: request.head)
    }
  }

  private static let unchanged = AnswerDeclaration.empty(.notModified, prose: "The client has it (If-None-Match).")
  private static let missing = Problem(
    .notFound, "Swagger UI is not installed (setting swagger_ui_dir); the document is /api/v1/openapi.json")

  /// Escapes HTML. The page shows the client's own Host field.
  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}
