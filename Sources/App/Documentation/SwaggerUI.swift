// Swagger UI 5 from an installed package. The server serves two of its files and does not contain them.

import Ground
import Protocol

/// The files of a Swagger UI installation.
struct SwaggerUI: Sendable {
  let script: StaticFile
  let style: StaticFile

  private static let maximumBytes = 16 << 20

  /// Reads the files in `directory`. - Returns: nil if they are not there.
  static func load(from directory: String) throws(FileError) -> SwaggerUI? {
    guard let script = try LocalFile.read(directory + "/swagger-ui-bundle.js", maximumBytes: maximumBytes),
      let style = try LocalFile.read(directory + "/swagger-ui.css", maximumBytes: maximumBytes)
    else { return nil }
    return SwaggerUI(script: StaticFile(.javascript, script), style: StaticFile(.css, style))
  }
}
