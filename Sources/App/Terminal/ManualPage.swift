// Manual pages (man(7)), made from the help of the commands.

import Ground
import Protocol

enum ManualPage {
  private static let headings = ["USAGE": "SYNOPSIS", "OVERVIEW": "DESCRIPTION"]

  /// Writes a page for every command, and one that lists them.
  static func write(all program: ClientProgram, to directory: String) throws(ClientFailure) {
    do throws(FileError) {
      try LocalDirectory.make(directory, mode: 0o755)
      for page in pages(program) {
        try LocalFile.overwrite("\(directory)/\(page.name).1", with: Array(page.text.utf8))
      }
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
  }

  /// The pages of all commands, by the names of their files without `.1`.
  static func pages(_ program: ClientProgram) -> [(name: String, text: String)] {
    let help = CommandHelp(columns: 76)
    let server = program.serverCommands()
    let client = program.commands.filter { !$0.isHidden }
    let list = (server.map { ($0.words, $0.summary) } + client.map { ($0.name.words, $0.summary) })
    let root = text(
      [], "stores the metrics of PostgreSQL collectors, and asks for them",
      """
      USAGE: pganalytics <command>

      COMMANDS:
      \(list.map { "  pganalytics-\($0.0.joined(separator: "-"))(1)\n      \($0.1)" }.joined(separator: "\n"))

      EXIT STATUS:
      \(ExitStatus.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
      """)
    return [("pganalytics", root)]
      + server.map { (name($0.words), text($0.words, $0.summary, $0.help)) }
      + client.map { (name($0.name.words), text($0.name.words, $0.summary, help.text($0))) }
  }

  private static func name(_ words: [String]) -> String { (["pganalytics"] + words).joined(separator: "-") }

  /// One page. A line of the help that ends with a colon, or begins with a heading, begins a section.
  private static func text(_ words: [String], _ summary: String, _ help: String) -> String {
    var page = """
      .TH \(name(words).uppercased()) 1 "" "pganalytics \(Version.text)" "pgAnalytics"
      .SH NAME
      \(escaped(name(words))) \\- \(escaped(summary))

      """
    var isOpen = false
    func begin(_ heading: String) {
      page += (isOpen ? ".fi\n" : "") + ".SH \(heading)\n.nf\n"
      isOpen = true
    }
    for line in help.split(separator: "\n", omittingEmptySubsequences: false) {
      let heading = line.prefix { $0.isUppercase || $0 == " " }
      if heading.count > 3, line.dropFirst(heading.count).first == ":", line.first != " " {
        begin(headings[String(heading)] ?? String(heading))
        let rest = line.dropFirst(heading.count + 1).drop { $0 == " " }
        if !rest.isEmpty { page += escaped(String(rest)) + "\n" }
      } else {
        page += escaped(String(line)) + "\n"
      }
    }
    return page + (isOpen ? ".fi\n" : "")
  }

  /// The text without meaning for troff.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}
