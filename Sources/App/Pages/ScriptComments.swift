// The modules of the console are served without their comments, which are a fifth of their bytes.

/// Removes comments that have lines of their own. It does not read JavaScript: a comment behind code stays, and so does
/// everything in other lines.
enum ScriptComments {
  /// - Parameter script: JavaScript in which a line that begins with `//` or `/*`, after blanks, is a comment. In a
  ///   text of several lines no line may begin so; `ConsoleFileTests` checks it.
  static func removed(from script: String) -> String {
    var lines: [Substring] = []
    var isInComment = false
    for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
      let text = line.drop { $0 == " " || $0 == "\t" }
      if isInComment || text.hasPrefix("/*") {
        isInComment = !text.contains("*/")
      } else if !text.hasPrefix("//") {
        lines.append(line)
      }
    }
    return lines.joined(separator: "\n")
  }
}
