// House rules that the compiler does not check.

import Testing

@Suite struct TidyTests {
  private struct File {
    let path: String
    let lines: [Substring]

    /// The modules that the file imports, without submodules.
    var imports: Set<String> {
      Set(
        lines.compactMap { line in
          let words = line.split(separator: " ")
          guard let place = words.firstIndex(of: "import"), place <= 2, place + 1 < words.count,
            words[..<place].allSatisfy({ $0.hasPrefix("@") || ["public", "internal", "private"].contains($0) })
          else { return nil }
          return String(words[place + 1].split(separator: ".")[0])
        })
    }
  }

  /// All files below `folder` whose names end in `suffixes`.
  private static func files(_ folder: String, _ suffixes: [String] = [".swift"]) throws -> [File] {
    try Checkout.files(below: folder, suffixes).map { path in
      File(path: path, lines: try Checkout.text(path).split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  @Test(arguments: [
    ("Sources/Reactor", ["CEpoll", "Synchronization", "Glibc"]),
    ("Sources/Protocol", ["CEpoll", "Synchronization", "Glibc"]),
    ("Sources/App/Ground", ["CEpoll", "Synchronization", "Glibc"]),
    (
      "Sources/App",
      [
        "CEpoll", "ConsoleFiles", "Ground", "Reactor", "Protocol", "HTTPClient", "Synchronization", "Glibc",
        "ArgumentParser",
        "Logging",
      ]
    ),
    ("Sources/App/Client", ["CEpoll", "Ground", "Reactor", "Protocol", "Synchronization", "Glibc"]),
    (
      "bench",
      [
        "CEpoll", "CCounters", "Ground", "Reactor", "Protocol", "HTTPClient", "GeneratedPushes", "Synchronization",
        "Glibc", "ArgumentParser",
      ]
    ),
  ])
  func `a module imports only the modules that the architecture allows`(_ folder: String, _ allowed: [String]) throws {
    let files = try Self.files(folder)
    #expect(files.count > 5, "\(folder) was found")
    for file in files {
      let strange = file.imports.subtracting(allowed)
      #expect(strange.isEmpty, "\(file.path) imports \(strange)")
    }
  }

  @Test func `no file has more than 400 lines`() throws {
    for file in try Self.files("Sources", [".swift", ".c", ".h", ".sql"]) + Self.files("bench") {
      // The text ends with a line break. The split yields an empty last line for it.
      #expect(file.lines.count - 1 <= 400, "\(file.path) has \(file.lines.count - 1)")
    }
  }

  @Test func `no file name contains Manager, Helper, Utils, Common or Misc`() throws {
    for file in try Self.files("Sources") + Self.files("bench") + Self.files("Tests") {
      let name = file.path.split(separator: "/").last ?? ""
      for word in ["Manager", "Helper", "Utils", "Common", "Misc"] {
        #expect(!name.contains(word), "\(file.path)")
      }
    }
  }

  @Test func `no file names a path outside the project`() throws {
    let kinds = [".swift", ".c", ".h", ".sql", ".sh", ".md", ".toml", "run", "test", "requirements"]
    let own = "/TidyTests.swift"
    for folder in ["Sources", "bench", "Tests", "scripts", "docs"] {
      for file in try Self.files(folder, kinds) where !file.path.hasSuffix(own) {
        for (number, line) in file.lines.enumerated() {
          for place in ["/home/", "/Users/", "/root/", "../../.."] where line.contains(place) {
            Issue.record("\(file.path):\(number + 1) names \(place)")
          }
        }
      }
    }
  }

  @Test func `every document that a file names exists, or is a known standard`() throws {
    let documents = try Self.files("docs", [".md"]).compactMap { $0.path.split(separator: "/").last }
    #expect(documents.count > 5)
    let known = Set(documents + ["README.md", "xxhash_spec.md"])
    for folder in ["Sources", "bench", "Tests", "scripts", "docs"] {
      for file in try Self.files(folder, [".swift", ".c", ".h", ".sql", ".py", ".md"]) {
        for (number, line) in file.lines.enumerated() {
          for name in line.matches(of: /[A-Za-z0-9_-]+\.md\b/) {
            #expect(known.contains(name.output), "\(file.path):\(number + 1) names \(name.output)")
          }
        }
      }
    }
  }

  @Test func `every line that gives up a compiler check says why`() throws {
    let words = ["@unchecked Sendable", "nonisolated(unsafe)", "try?", "fatalError", "as!", "try!"]
    for folder in ["Sources", "bench"] {
      for file in try Self.files(folder) {
        for (number, line) in file.lines.enumerated() {
          let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
          guard words.contains(where: { code.contains($0) }) else { continue }
          #expect(
            line.contains("// Safety:") || line.contains("// because"), "\(file.path):\(number + 1): \(line)")
        }
      }
    }
  }

  @Test func `no file contains a note to do something later`() throws {
    for folder in ["Sources", "bench", "Tests", "scripts"] {
      for file in try Self.files(folder, [".swift", ".c", ".h", ".sql", "run", "test", "requirements"])
      where !file.path.hasSuffix("/TidyTests.swift") {
        for (number, line) in file.lines.enumerated() where line.contains("TODO") || line.contains("FIXME") {
          Issue.record("\(file.path):\(number + 1): \(line)")
        }
      }
    }
  }
}
