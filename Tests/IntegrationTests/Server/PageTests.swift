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
    for part in ["src=\"http", "href=\"http", "style=\"", "onclick=", "<style", "<script>"] {
      #expect(!page.text.contains(part), "\(part)")
    }
  }

  @Test func `every file of the console is served with its type`() async throws {
    let client = try await RunningServer.shared(.plain).client()
    #expect(ConsoleFile.all.count > 3)
    for name in ConsoleFile.all.keys {
      let file = try await client.request("GET", "/console/\(name)")
      #expect(file.status == 200 && !file.body.isEmpty, "\(name)")
      let type = try #require(MediaType(fileName: name))
      #expect(file.field("content-type") == "\(type); charset=utf-8")
      #expect(file.field("content-security-policy")?.hasPrefix("default-src 'none'") == true)
    }
    #expect(try await client.request("GET", "/console/files.c").status == 404)
  }

  @Test func `without the libraries the pages name what is missing, and the rest works`() async throws {
    let client = try await RunningServer.start { $0.webLibraryDirectory = "/nonexistent" }.client()
    let docs = try await client.request("GET", "/docs")
    #expect(docs.status == 404)
    #expect(docs.json["details"]?.text?.contains("web_library_dir") == true)
    #expect(try await client.request("GET", "/docs/swagger-ui.css").status == 404)
    #expect(try await client.request("GET", "/docs/docs.css").field("content-type") == "text/css; charset=utf-8")
    #expect(try await client.request("GET", "/", [("Accept", "text/html")]).status == 200)
    let charts = try await client.request("GET", "/console/uplot.iife.min.js")
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
    #expect(try await client.request("GET", "/console/uplot.iife.min.js").text == "var uPlot;")
    #expect(try await client.request("GET", "/console/uplot.min.css").text == "b {}")

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
