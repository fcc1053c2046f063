import Testing

@testable import App

/// The files of the pages for browsers, as they lie in the project.
@Suite struct ConsoleFileTests {
  private static let folder = "Sources/App/Console/Pages"
  /// The files of uPlot and Swagger UI, which are not in the project.
  private static let libraries: Set = ["uplot.iife.min.js", "uplot.min.css", "swagger-ui-bundle.js", "swagger-ui.css"]
  /// The script of the console, in bytes, without the library of its charts.
  private static let scriptLimit = 235_000
  /// The characters of a line.
  private static let lineLimit = 140

  @Test func `every file is embedded`() throws {
    #expect(ConsoleFile.all.keys.sorted() == (try Checkout.names(in: Self.folder)))
  }

  @Test func `the files that a file names exist`() throws {
    let names = try Checkout.names(in: Self.folder)
    var named: Set<String> = []
    for name in names {
      let text = try Checkout.text("\(Self.folder)/\(name)")
      for match in text.matches(of: #/["'`](?:\/console\/|\/docs\/|\.\/)([A-Za-z0-9.-]+\.[a-z]+)/#) {
        named.insert(String(match.1))
      }
    }
    #expect(named.count > 3)
    #expect(named.subtracting(names).isSubset(of: Self.libraries), "\(named.subtracting(names))")
    #expect(Set(names).subtracting(named).subtracting(["index.html", "docs.html"]).isEmpty, "files that no file names")
  }

  @Test func `the console's script stays small`() throws {
    let bytes = try Checkout.names(in: Self.folder).filter { $0.hasSuffix(".js") && $0 != "docs.js" }
      .map { ScriptComments.removed(from: try Checkout.text("\(Self.folder)/\($0)")).utf8.count }.reduce(0, +)
    #expect(bytes < Self.scriptLimit)
  }

  @Test func `no line of the console is longer than an editor is wide`() throws {
    for name in try Checkout.names(in: Self.folder) where !name.hasSuffix(".svg") {
      let lines = try Checkout.text("\(Self.folder)/\(name)").split(separator: "\n", omittingEmptySubsequences: false)
      for (number, line) in lines.enumerated() where line.count > Self.lineLimit {
        Issue.record("\(name):\(number + 1) has \(line.count) characters")
      }
    }
  }

  @Test func `a module's imports are those that its text has, and their imports follow`() {
    func script(_ text: String) -> ConsoleFile { ConsoleFile(type: .javascript, text: text) }
    let files = [
      "a.js": script(
        "import { b } from './b.js';\nimport { c } from './c.js';\nconst late = () => import('./late.js');\n"),
      "b.js": script("import { c } from './c.js';\n"), "c.js": script("import {\n  a,\n} from './a.js';\n"),
    ]
    #expect(ConsoleSite.modules(of: "a.js", files) == ["a.js", "b.js", "c.js"])
    #expect(ConsoleSite.modules(of: "c.js", files) == ["c.js", "a.js", "b.js"])
  }

  @Test(arguments: [
    ("let a = 1;\n", "let a = 1;\n"),
    ("// one\nlet a = 1; // two\n", "let a = 1; // two\n"),
    ("  /** one */\n  let a = '/* no */';\n", "  let a = '/* no */';\n"),
    ("/**\n * one\n * two\n */\nexport const a = `\n`;\n", "export const a = `\n`;\n"),
  ])
  func `comments that have lines of their own are not served`(_ script: String, _ served: String) {
    #expect(ScriptComments.removed(from: script) == served)
  }

  @Test func `a text over several lines has no line that looks like a comment`() throws {
    for name in try Checkout.names(in: Self.folder) where name.hasSuffix(".js") {
      var isInText = false
      let script = try Checkout.text("\(Self.folder)/\(name)")
      for line in script.split(separator: "\n") {
        let text = line.drop { $0 == " " }
        let looksLikeComment = text.hasPrefix("//") || text.hasPrefix("/*") || text.hasPrefix("*")
        #expect(!(isInText && looksLikeComment), "\(name): \(line)")
        if !looksLikeComment, !line.count(where: { $0 == "`" }).isMultiple(of: 2) { isInText.toggle() }
      }
      #expect(!isInText, "\(name) has a text without end")
    }
  }

  @Test func `no script makes markup of text`() throws {
    for name in try Checkout.names(in: Self.folder) where name.hasSuffix(".js") && name != "docs.js" {
      let text = try Checkout.text("\(Self.folder)/\(name)")
      for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        #expect(!text.contains(way), "\(name) has \(way)")
      }
    }
  }
}
