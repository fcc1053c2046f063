// The files of the pages for browsers. They are embedded in the program.

import ConsoleFiles
import Protocol

/// An embedded file as it is served.
struct ConsoleFile: Sendable {
  let type: MediaType
  /// A script has no comments.
  let text: String

  /// Every embedded file by its name: the pages themselves, their modules, their styles, their icons.
  static let all: [String: ConsoleFile] = {
    var files: [String: ConsoleFile] = [:]
    var index = 0
    while let entry = console_file_at(index) {
      let name = String(String(cString: entry.pointee.path).dropFirst("Pages/".count))
      guard let type = MediaType(fileName: name) else { preconditionFailure("\(name) has no media type") }
      let bytes = UnsafeBufferPointer(start: entry.pointee.bytes, count: entry.pointee.count)
      let text = String(decoding: bytes, as: UTF8.self)
      files[name] = ConsoleFile(type: type, text: type == .javascript ? ScriptComments.removed(from: text) : text)
      index += 1
    }
    return files
  }()

  var served: StaticFile { StaticFile(type, Array(text.utf8)) }

  /// The names of the modules that a module imports before it runs, in their order.
  var imports: [String] {
    text.split(separator: "\n").compactMap { line in
      guard let head = line.firstRange(of: " from './"), line.hasSuffix("';") else { return nil }
      return String(line[head.upperBound...].dropLast(2))
    }
  }
}

extension MediaType {
  /// The media type of a page's file, by the end of its name; nil if it is none of those that pages consist of.
  init?(fileName: String) {
    switch fileName.split(separator: ".").last {
    case "html": self = .html
    case "css": self = .css
    case "js": self = .javascript
    case "svg": self = .svg
    default: return nil
    }
  }
}
