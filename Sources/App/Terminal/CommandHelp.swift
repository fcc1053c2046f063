// The help of client commands, in the form that the other commands have.

import Protocol

/// The help text of a command or a group of commands.
struct CommandHelp: Sendable {
  static let program = "pganalytics"
  /// The column at which explanations begin.
  private static let indent = 26
  /// The width of lines in characters.
  let columns: Int

  /// - Parameter columns: the width of the lines in characters.
  init(columns: Int = 100) { self.columns = max(60, columns) }

  func text(_ command: ClientCommand) -> String {
    var parts = ["OVERVIEW: " + command.summary]
    if !command.description.isEmpty { parts.append(prose(command.description)) }
    parts.append(wrap("USAGE: " + usage(command), hanging: 2))
    if !command.arguments.isEmpty {
      parts.append("ARGUMENTS:\n" + command.arguments.map { entry("<\($0.name.lowercased())>", $0.prose) }.lines)
    }
    let own = command.options.filter { $0.place != .common }
    let common = command.options.filter { $0.place == .common }
    if !own.isEmpty { parts.append("OPTIONS:\n" + own.map(entry).lines) }
    parts.append(
      "\(own.isEmpty ? "" : "COMMON ")OPTIONS:\n"
        + (common.map(entry) + [entry("-h, --help", "Show help information.")]).lines)
    if !command.examples.isEmpty {
      parts.append("EXAMPLES:\n" + command.examples.map { "  \(Self.program) \($0)" }.lines)
    }
    return parts.joined(separator: "\n\n")
  }

  func usage(_ command: ClientCommand) -> String {
    let arguments = command.arguments.map {
      $0.isRequired ? "<\($0.name.lowercased())>" : "[<\($0.name.lowercased())>]"
    }
    let required = command.options.filter { $0.isRequired && !$0.isSecret }.map(spelled)
    return ([Self.program, command.name.description] + arguments + required + ["[options]"]).joined(separator: " ")
  }

  /// The help of the commands that begin with `words`.
  func text(group words: String, _ commands: [ClientCommand]) -> String {
    """
    USAGE: \(Self.program) \(words) <subcommand>

    SUBCOMMANDS:
    \(list(commands, dropping: words.split(separator: " ").count))

      See '\(Self.program) \(words) <subcommand> --help' for detailed help.
    """
  }

  /// One entry for each command, with its summary.
  /// - Parameter count: the number of words of each name that are left out.
  func list(_ commands: [ClientCommand], dropping count: Int = 0) -> String {
    commands.filter { !$0.isHidden }.map { command in
      let words = command.name.words.dropFirst(count).joined(separator: " ")
      return entry(words.isEmpty ? "(alone)" : words, command.summary)
    }.lines
  }

  /// One entry for each first word: the words that may follow it, or the summary of a command of one word.
  func overview(_ commands: [ClientCommand]) -> String {
    var words: [String] = []
    for word in commands.filter({ !$0.isHidden }).map({ $0.name.words[0] }) where !words.contains(word) {
      words.append(word)
    }
    return words.map { word in
      let own = commands.filter { $0.name.words[0] == word && !$0.isHidden }
      if own.count == 1, own[0].name.words.count == 1 { return entry(word, own[0].summary) }
      let following = own.map { $0.name.words.dropFirst().joined(separator: " ") }.filter { !$0.isEmpty }
      return entry(word, following.joined(separator: ", ") + ".")
    }.lines
  }

  private func entry(_ option: CommandOption) -> String {
    var name = spelled(option)
    if let short = option.short { name = "-\(short), " + name }
    if option.isRepeated { name += " ..." }
    return entry(name, option.prose)
  }

  private func spelled(_ option: CommandOption) -> String {
    if option.isFlag { return option.place == .common ? "--\(option.name)" : "--[no-]\(option.name)" }
    return option.isValueOptional
      ? "--\(option.name) [<\(option.valueName)>]" : "--\(option.name) <\(option.valueName)>"
  }

  func entry(_ name: String, _ prose: String) -> String {
    let head = "  " + name
    if prose.isEmpty { return head }
    let lines = wrapped(prose.replacing("`", with: ""), width: columns - Self.indent)
    let margin = String(repeating: " ", count: Self.indent)
    let first =
      head.count < Self.indent ? head + margin.dropFirst(head.count) + lines[0] : head + "\n" + margin + lines[0]
    return ([first] + lines.dropFirst().map { margin + $0 }).lines
  }

  /// A text of several paragraphs and lists. Lines of one paragraph are joined before they are wrapped.
  private func prose(_ text: String) -> String {
    let plain = text.replacing("`", with: "").replacing("**", with: "")
    var blocks: [String] = []
    for line in plain.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let isItem = line.hasPrefix("* ") || line.hasPrefix("- ") || line.hasPrefix("|")
      if let last = blocks.last, !last.isEmpty, !line.isEmpty, !isItem {
        blocks[blocks.count - 1] = last + " " + line
      } else {
        blocks.append(line)
      }
    }
    return blocks.map { wrap($0, hanging: $0.hasPrefix("* ") || $0.hasPrefix("- ") ? 2 : 0) }.lines
  }

  private func wrap(_ text: String, hanging: Int) -> String {
    let lines = wrapped(text, width: columns - hanging)
    return ([lines[0]] + lines.dropFirst().map { String(repeating: " ", count: hanging) + $0 }).lines
  }

  private func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [line]
  }
}

extension [String] {
  /// The texts as lines.
  fileprivate var lines: String { joined(separator: "\n") }
}
