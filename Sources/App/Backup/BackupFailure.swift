/// Why a backup or a restore cannot be made, as sentences for a terminal.
struct BackupFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// The reason of another error as a sentence.
  static func sentence(_ error: any Error) -> String {
    let text = "\(error)"
    return text.hasSuffix(".") ? text : text + "."
  }
}

/// How far the work is.
enum BackupProgress: Sendable {
  /// A step begins.
  case step(String)
  /// The part of the step that is done, from 0 to 1, and the name of the table or file that the work is at.
  case part(Double, String)
}
