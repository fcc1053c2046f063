// Libraries for pages by others, from a directory of the machine: Swagger UI 5 for /docs, uPlot for the charts of the
// console. The server serves their files and does not contain them. `scripts/web-libraries` installs them.

import Ground
import Protocol

/// A library that pages use, and its files.
struct WebLibrary: Sendable {
  /// The files by name; empty if the library is not installed.
  let files: [String: StaticFile]

  /// A library that is not installed.
  static let missing = WebLibrary(files: [:])

  var isInstalled: Bool { !files.isEmpty }

  private static let maximumBytes = 16 << 20

  private init(files: [String: StaticFile]) { self.files = files }

  /// Reads all of `names` in `directory`. If one is missing, the library is not installed.
  private init(_ names: [String], in directory: String) throws(FileError) {
    var files: [String: StaticFile] = [:]
    for name in names {
      guard let type = MediaType(fileName: name),
        let bytes = try LocalFile.read("\(directory)/\(name)", maximumBytes: Self.maximumBytes)
      else {
        self.files = [:]
        return
      }
      files[name] = StaticFile(type, bytes)
    }
    self.files = files
  }

  static func swaggerUI(in directory: String) throws(FileError) -> WebLibrary {
    try WebLibrary(["swagger-ui-bundle.js", "swagger-ui.css"], in: directory)
  }

  static func charts(in directory: String) throws(FileError) -> WebLibrary {
    try WebLibrary(["uplot.iife.min.js", "uplot.min.css"], in: directory)
  }
}
