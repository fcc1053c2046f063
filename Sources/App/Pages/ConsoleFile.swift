// The files of the pages for browsers. They are embedded in the program.

import ConsoleFiles
import Protocol

enum ConsoleFile {
  /// Every embedded file by its name: the pages themselves, their modules, their styles, their icons.
  static let all: [String: StaticFile] = {
    var files: [String: StaticFile] = [:]
    var index = 0
    while let entry = console_file_at(index) {
      let name = String(String(cString: entry.pointee.path).dropFirst("Pages/".count))
      guard let type = MediaType(fileName: name) else { preconditionFailure("\(name) has no media type") }
      let bytes = Array(UnsafeBufferPointer(start: entry.pointee.bytes, count: entry.pointee.count))
      let served =
        type == .javascript ? Array(ScriptComments.removed(from: String(decoding: bytes, as: UTF8.self)).utf8) : bytes
      files[name] = StaticFile(type, served)
      index += 1
    }
    return files
  }()
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
