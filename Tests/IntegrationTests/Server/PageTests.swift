import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// The pages for browsers.
@Suite struct PageTests {
  @Test func `the first page is the console for browsers and JSON for other clients`() async throws {
    let client = try await RunningServer.shared(.plain).client()
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    let page = try await client.request("GET", "/", [("Accept", browser)])
    #expect(page.status == 200)
    #expect(page.field("content-type") == "text/html; charset=utf-8")
    #expect(page.head.fields.all(named: "vary").contains { $0.elementsEqual("Accept".utf8) })
    #expect(page.text.contains("<title>pgAnalytics</title>"))
    let tag = try #require(page.field("etag"))
    #expect(try await client.request("GET", "/", [("Accept", browser), ("If-None-Match", tag)]).status == 304)
    for fields in [[], [("Accept", "*/*")], [("Accept", "application/json")]] {
      let json = try await client.request("GET", "/", fields)
      #expect(json.json["documentation"]?.text == "/docs")
      #expect(json.json["status"]?.text == "ok")
      #expect(json.json["credentials"]?.text?.contains("credentials.json") == true)
      #expect(json.field("vary") == "Accept")
    }
    #expect(try await client.request("GET", "/", [("Accept", "image/png")]).status == 406)
  }

  @Test func `a page uses nothing from other hosts, and its security policy is strict`() async throws {
    let client = try await RunningServer.shared(.plain).client()
    let page = try await client.request("GET", "/", [("Accept", "text/html")])
    let policy = try #require(page.field("content-security-policy"))
    #expect(policy.hasPrefix("default-src 'none'"))
    #expect(policy.contains("require-trusted-types-for 'script'") && policy.contains("frame-ancestors 'none'"))
    #expect(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains("*"))
    #expect(page.field("x-frame-options") == "DENY" && page.field("referrer-policy") == "no-referrer")
    #expect(page.field("x-content-type-options") == "nosniff")
    #expect(page.field("cache-control") == "no-cache")
    for part in ["src=\"http", "href=\"http", "style=\"", "onclick=", "<style", "<script>"] {
      #expect(!page.text.contains(part), "\(part)")
    }
  }

  /// The folder of the console's files, as the page names it: `/console/0123456789abcdef`.
  private func folder(_ client: TestClient) async throws -> String {
    let page = try await client.request("GET", "/", [("Accept", "text/html")]).text
    return String(try #require(page.firstMatch(of: /"(\/console\/[0-9a-f]{16})\/main.js"/)).1)
  }

  @Test func `every file of the console is served with its type, to be kept for good`() async throws {
    let client = try await RunningServer.shared(.plain).client()
    let folder = try await folder(client)
    let names = ConsoleFile.all.keys.filter { $0 != "index.html" && !$0.hasPrefix("docs.") }
    #expect(names.count > 3)
    for name in names {
      let file = try await client.request("GET", "\(folder)/\(name)")
      #expect(file.status == 200 && !file.body.isEmpty, "\(name)")
      let type = try #require(MediaType(fileName: name))
      #expect(file.field("content-type") == "\(type); charset=utf-8")
      #expect(file.field("content-security-policy")?.hasPrefix("default-src 'none'") == true)
      #expect(file.field("cache-control") == "public, max-age=31536000, immutable")
      // A tab of another version gets the present file, and asks again the next time.
      let other = try await client.request("GET", "/console/0000000000000000/\(name)")
      #expect(other.body == file.body && other.field("cache-control") == "no-cache", "\(name)")
    }
    #expect(try await client.request("GET", "\(folder)/files.c").status == 404)
    #expect(try await client.request("GET", "\(folder)/index.html").status == 404)
  }

  @Test
  func `the page names every module that the first screen needs, once, and another library gives other addresses`()
    async throws
  {
    let server = try await RunningServer.start { $0.webLibraryDirectory = "/nonexistent" }
    let client = try await server.client()
    let page = try await client.request("GET", "/", [("Accept", "text/html")]).text
    let named = page.matches(of: /<link rel="modulepreload" href="\/console\/[0-9a-f]{16}\/([a-z-]+\.js)">/).map {
      String($0.1)
    }
    let needed = ["main.js", "fleet-page.js"].flatMap { ConsoleSite.modules(of: $0, ConsoleFile.all) }
    #expect(named.count > 20 && named.count == Set(named).count && Set(named) == Set(needed), "\(named)")
    #expect(!page.contains("\"/console/main.js\""))
    let other = ConsoleSite(ConsoleFile.all, ["uplot.min.css": StaticFile(.css, Array("b {}".utf8))])
    #expect(!page.contains(other.version))
    await server.stop()
  }

  @Test func `without the libraries the pages name what is missing, and the rest works`() async throws {
    let client = try await RunningServer.start { $0.webLibraryDirectory = "/nonexistent" }.client()
    let docs = try await client.request("GET", "/docs")
    #expect(docs.status == 404)
    #expect(docs.json["details"]?.text?.contains("web_library_dir") == true)
    #expect(try await client.request("GET", "/docs/swagger-ui.css").status == 404)
    #expect(try await client.request("GET", "/docs/docs.css").field("content-type") == "text/css; charset=utf-8")
    #expect(try await client.request("GET", "/", [("Accept", "text/html")]).status == 200)
    let charts = try await client.request("GET", folder(client) + "/uplot.iife.min.js")
    #expect(charts.status == 200)
    #expect(charts.text.hasPrefix("//") && charts.text.contains("web_library_dir"))
  }

  @Test func `the libraries are served from their directory, compressed and revalidated`() async throws {
    let directory = try TemporaryDirectory()
    let script = Array(String(repeating: "const a = 1;\n", count: 1000).utf8)
    try LocalFile.replace(directory.path + "/swagger-ui-bundle.js", with: script)
    try LocalFile.replace(directory.path + "/swagger-ui.css", with: Array("a {}".utf8))
    try LocalFile.replace(directory.path + "/uplot.iife.min.js", with: Array("var uPlot;".utf8))
    try LocalFile.replace(directory.path + "/uplot.min.css", with: Array("b {}".utf8))
    let server = try await RunningServer.start { $0.webLibraryDirectory = directory.path }
    let client = try await server.client()
    #expect(try await client.request("GET", "/docs").text.contains("/docs/swagger-ui-bundle.js"))
    let folder = try await folder(client)
    #expect(try await client.request("GET", "\(folder)/uplot.iife.min.js").text == "var uPlot;")
    #expect(try await client.request("GET", "\(folder)/uplot.min.css").text == "b {}")

    let path = "/docs/swagger-ui-bundle.js"
    let plain = try await client.request("GET", path)
    #expect(plain.body == script)
    #expect(plain.field("cache-control") == "no-cache")
    let compressed = try await client.request("GET", path, [("Accept-Encoding", "br, gzip;q=0.5")])
    #expect(compressed.field("content-encoding") == "gzip")
    #expect(compressed.body == GzipDeflater.gzip(script, level: 9))
    let refused = try await client.request("GET", path, [("Accept-Encoding", "gzip;q=0")])
    #expect(refused.field("content-encoding") == nil)
    let tag = try #require(plain.field("etag"))
    #expect(try await client.request("GET", path, [("If-None-Match", tag)]).status == 304)
    for escape in ["/docs/..%2fca.key", "/docs/ca.key", "/docs/../ca.key"] {
      #expect([400, 404].contains(try await server.client().request("GET", escape).status), "\(escape)")
    }
  }
}

/// A directory that is removed with its value.
private final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/pgs-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(call: "mkdtemp", path: "/tmp", errno: errno) }
    path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
  }

  deinit {
    for name in ["swagger-ui-bundle.js", "swagger-ui.css", "uplot.iife.min.js", "uplot.min.css"] {
      unlink(path + "/" + name)
    }
    rmdir(path)
  }
}
