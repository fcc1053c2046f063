// Documents link to one another and to the code. Files move, so a test follows each link.

import Ground
import Testing

@Suite struct DocumentLinkTests {
  /// The folders whose documents are read, below the root.
  private static let folders = ["", "docs", "docs/decisions", "examples"]

  @Test func `each link of a document leads to a file of the project, and to a heading if it names one`() throws {
    var count = 0
    for folder in Self.folders {
      for name in try Self.documents(in: folder) {
        let place = folder.isEmpty ? name : "\(folder)/\(name)"
        for target in try Self.links(of: place) {
          count += 1
          let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
          let path = parts[0].isEmpty ? place : Self.resolved("\(folder)/\(parts[0])")
          guard FileStatus(of: "\(Checkout.root)/\(path)") != nil else {
            Issue.record("\(place) links to \(target), which is no file")
            continue
          }
          guard parts.count == 2, path.hasSuffix(".md") else { continue }
          #expect(try Self.anchors(of: path).contains(String(parts[1])), "\(place) links to \(target)")
        }
      }
    }
    #expect(count > 100)
  }

  /// The names of the documents of a folder, without those of folders in it.
  private static func documents(in folder: String) throws -> [String] {
    try Checkout.names(in: folder).filter { $0.hasSuffix(".md") }
  }

  /// The targets of a document's links, without those to other hosts.
  private static func links(of path: String) throws -> [Substring] {
    try prose(of: path).flatMap { line in
      line.matches(of: /\]\(([^)\s]+)\)/).map(\.output.1).filter { !$0.contains("://") }
    }
  }

  /// The names under which GitHub makes the headings of a document reachable.
  private static func anchors(of path: String) throws -> [String] {
    try prose(of: path).filter { $0.hasPrefix("#") }.map { line in
      let title = line.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
      return String(
        title.compactMap { character in
          if character == " " { return "-" }
          return character.isLetter || character.isNumber || character == "-" || character == "_" ? character : nil
        })
    }
  }

  /// The lines that are not code.
  private static func prose(of path: String) throws -> [Substring] {
    var isCode = false
    return try Checkout.text(path).split(separator: "\n").filter { line in
      if line.hasPrefix("```") { isCode.toggle() }
      return !isCode && !line.hasPrefix("    ")
    }
  }

  /// A path without `.` and `..`.
  private static func resolved(_ path: String) -> String {
    path.split(separator: "/").reduce(into: [Substring]()) { parts, part in
      switch part {
      case ".": break
      case "..": _ = parts.popLast()
      default: parts.append(part)
      }
    }.joined(separator: "/")
  }
}
