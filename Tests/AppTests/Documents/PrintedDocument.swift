import Glibc
import Ground
import Testing

@testable import App

/// A file of docs/ that declarations print. A change of a declaration shows there as readers will see it.
struct PrintedDocument {
  /// The name of the file in docs/.
  let name: String
  /// The text that the declarations print.
  let text: String

  /// Records an issue if the file differs. Where RENEW_GOLDEN is set, the file is written first.
  func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
    if getenv("RENEW_GOLDEN") != nil {
      try LocalFile.overwrite("\(Checkout.root)/docs/\(name)", with: Array(text.utf8))
    }
    let found = try Checkout.text("docs/\(name)")
    let difference = Self.lines(text).difference(from: Self.lines(found)).prefix(20).map { change in
      switch change {
      case .insert(_, let line, _): "+ \(line)"
      case .remove(_, let line, _): "- \(line)"
      }
    }
    let renewal = "RENEW_GOLDEN=1 swift test --filter \"PrintedDocumentTests|ConnectionMachineTableTests\""
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
