// Documents link to one another and to the code. Files move, so a test follows each link.

import Glibc
import Testing

@Suite struct DocumentLinkTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

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
          guard access("\(Self.root)/\(path)", F_OK) == 0 else {
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
    let directory = try #require(opendir("\(root)/\(folder)"), "\(folder)")
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        // Safety: d_name is an array of bytes that ends with a NUL.
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".md") { names.append(name) }
    }
    return names
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
    return try text(path).split(separator: "\n").filter { line in
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

  private static func text(_ path: String) throws -> String {
    let file = try #require(fopen("\(root)/\(path)", "r"), "\(path)")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[0..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
