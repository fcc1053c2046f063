import Glibc
import Ground
import Testing

@testable import App

/// A file of docs/ that declarations print. A change of a declaration shows there as readers will see it.
struct PrintedDocument {
  private static let root = "/" + "\(#filePath)".split(separator: "/").dropLast(4).joined(separator: "/")

  /// The name of the file in docs/.
  let name: String
  /// The text that the declarations print.
  let text: String

  /// Records an issue if the file differs. Where RENEW_GOLDEN is set, the file is written first.
  func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let path = "\(Self.root)/docs/\(name)"
    if getenv("RENEW_GOLDEN") != nil {
      let file = try #require(fopen(path, "w"), "\(path)")
      fputs(text, file)
      try #require(fclose(file) == 0, "\(path)")
    }
    let found = String(decoding: try LocalFile.read(path, maximumBytes: 4 << 20) ?? [], as: UTF8.self)
    let difference = Self.lines(text).difference(from: Self.lines(found)).prefix(20).map { change in
      switch change {
      case .insert(_, let line, _): "+ \(line)"
      case .remove(_, let line, _): "- \(line)"
      }
    }
    let renewal = "RENEW_GOLDEN=1 swift test --filter PrintedDocumentTests"
    #expect(
      text == found, "docs/\(name) differs. If that is wanted: \(renewal)\n\(difference.joined(separator: "\n"))",
      sourceLocation: sourceLocation)
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }
}

/// A table in Markdown.
struct PrintedTable {
  let header: [String]
  var rows: [[String]] = []

  var text: String {
    ([header, header.map { _ in "---" }] + rows.map { $0.map { $0.replacing("|", with: "\\|") } })
      .map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
  }
}
