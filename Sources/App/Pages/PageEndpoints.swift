// The two pages for browsers: the console, and the API's documentation, in which requests can be tried. Nothing is
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

/// The libraries that the pages use.
struct PageLibraries: Sendable {
  /// For /docs.
  let swaggerUI: WebLibrary
  /// For the console. Without it the console shows tables instead of charts.
  let charts: WebLibrary

  static let none = PageLibraries(swaggerUI: .missing, charts: .missing)

  /// Reads the libraries that are installed in `directory`.
  static func load(from directory: String) throws(FileError) -> PageLibraries {
    PageLibraries(swaggerUI: try .swaggerUI(in: directory), charts: try .charts(in: directory))
  }
}

enum PageEndpoints {
  /// - Parameter isHealthy: whether the database answers.
  static func all(_ libraries: PageLibraries, isHealthy: @escaping @Sendable () async -> Bool) -> [Endpoint] {
    let (docsFiles, consoleFiles) = (
      ConsoleFile.all.filter { $0.key.hasPrefix("docs.") }, ConsoleFile.all.filter { !$0.key.hasPrefix("docs.") }
    )
    let console = ConsoleSite(consoleFiles, libraries.charts.isInstalled ? libraries.charts.files : missingCharts)
    return [
      index(console.index, isHealthy), docs(libraries.swaggerUI),
      file(
        "/docs/{file}", id: "getDocsFile", summary: "A file of the documentation's page.",
        docsFiles.mapValues(\.served).merging(libraries.swaggerUI.files) { own, _ in own }),
      file(
        "/console/{version}/{file}", id: "getConsoleFile", summary: "A file of the console.", console.files,
        version: console.version),
    ]
  }

  private static let sources =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

  private static func policy(_ sources: String) -> [HTTPField] {
    [
      HTTPField("Content-Security-Policy", sources), HTTPField("Referrer-Policy", "no-referrer"),
      // For browsers that do not know frame-ancestors.
      HTTPField("X-Frame-Options", "DENY"),
    ]
  }

  /// The console makes no markup of texts, so its policy forbids every way to do so. Swagger UI does.
  static let consolePolicy = policy(sources + "; require-trusted-types-for 'script'; trusted-types 'none'")

  /// Stands in for the charts' library if it is not installed, so that browsers report no error.
  private static let missingCharts = [
    "uplot.iife.min.js": StaticFile(
      .javascript, Array("// uPlot is not installed here (setting web_library_dir).\n".utf8)),
    "uplot.min.css": StaticFile(.css, Array("/* uPlot is not installed here (setting web_library_dir). */\n".utf8)),
  ]

  private static func index(_ page: StaticFile, _ isHealthy: @escaping @Sendable () async -> Bool) -> Endpoint {
    Endpoint(
      .get, "/", id: "getIndex", tag: .system, access: .anyone,
      summary: "The console for browsers; for other clients, what this is and where things are.",
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [
        .json(IndexAnswer.self).or(.text(.html, example: "<!doctype html>", prose: "For browsers.")), unchanged,
      ]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      guard try request.head.negotiate([.json, .html]) == .html else {
        return .json(IndexAnswer(isHealthy: await isHealthy()), fields: [HTTPField("Vary", "Accept")])
      }
      return page.response(to: request.head, consolePolicy + [HTTPField("Vary", "Accept")])
    }
  }

  private static func docs(_ swaggerUI: WebLibrary) -> Endpoint {
    let page = ConsoleFile.all["docs.html"]?.served
    return Endpoint(
      .get, "/docs", id: "getDocs", tag: .system, access: .anyone, summary: "This documentation, in Swagger UI.",
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [.text(.html, example: "<!doctype html>"), unchanged], problems: [.notFound]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      guard swaggerUI.isInstalled, let page else { throw missing }
      return page.response(to: request.head, policy(sources))
    }
  }

  /// - Parameter version: the value of the path's `version` with which a file never changes. With another value, as after
  ///   an update of the server, the file is the present one.
  private static func file(
    _ path: PathPattern, id: String, summary: String, _ files: [String: StaticFile], version: String? = nil
  ) -> Endpoint {
    Endpoint(
      .get, path, id: id, tag: .system, access: .anyone, summary: summary,
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [
        .text(.css, example: "a {}").or(.text(.javascript, example: "\"use strict\";"))
          .or(.text(.svg, example: "<svg/>")).or(.text(.html, example: "<!doctype html>")),
        unchanged,
      ],
      problems: [.notFound]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      guard let file = files[request.path.text("file")] else { throw missing }
      let isLasting = version != nil && request.path.text("version") == version
      return file.response(to: request.head, policy(sources), isLasting: isLasting)
    }
  }

  private static let unchanged = AnswerDeclaration.empty(.notModified, prose: "The client has it (If-None-Match).")
  private static let missing = Problem(
    .notFound, "There is no such file. Files of Swagger UI are in web_library_dir; the document is /api/v1/openapi.json"
  )
}
