// Reads the arguments of a client command. It has no input and no output of its own.

import Protocol

/// The arguments of a command, read and checked as far as that is possible without a server.
struct ParsedCommand: Sendable {
  let command: ClientCommand
  fileprivate(set) var arguments: [String] = []
  fileprivate(set) var values: [(option: String, text: String)] = []
  fileprivate(set) var wantsHelp = false

  /// All values of an option, in their order.
  func texts(_ option: String) -> [String] { values.filter { $0.option == option }.map(\.text) }
  /// The last value of an option; nil if it was not given.
  func text(_ option: String) -> String? { texts(option).last }
  func text(_ option: SharedOption) -> String? { text(option.rawValue) }
  func has(_ option: SharedOption) -> Bool { text(option) == "true" }

  /// The value of an argument; nil if it was not given.
  func argument(_ place: CommandArgument.Place) -> String? {
    guard let index = command.arguments.firstIndex(where: { $0.place == place }), index < arguments.count else {
      return nil
    }
    return arguments[index]
  }
}

struct CommandLineParser: Sendable {
  /// What the words of a command line name.
  enum Match: Sendable {
    case command(ClientCommand, rest: [String])
    /// The first words of several commands, and what follows them.
    case group(String, [ClientCommand], rest: [String])
  }

  let commands: [ClientCommand]

  /// Finds the command that the first words name; nil if no command begins with the first word.
  func match(_ arguments: [String]) -> Match? {
    var count = 0
    var found: Match?
    var group: [ClientCommand] = []
    while true {
      let words = Array(arguments.prefix(count))
      if let command = commands.first(where: { $0.name.words == words }) {
        found = .command(command, rest: Array(arguments.dropFirst(count)))
      }
      let longer = commands.filter { $0.name.words.count > count && Array($0.name.words.prefix(count)) == words }
      if longer.isEmpty { break }
      group = longer
      guard count < arguments.count, longer.contains(where: { $0.name.words[count] == arguments[count] }) else { break }
      count += 1
    }
    if let found { return found }
    if count == 0 { return nil }
    return .group(
      arguments.prefix(count).joined(separator: " "), group, rest: Array(arguments.dropFirst(count)))
  }

  /// Reads the arguments behind the words of a command.
  /// - Throws: `.usage`
  static func parse(_ arguments: [String], of command: ClientCommand) throws(ClientFailure) -> ParsedCommand {
    var parsed = ParsedCommand(command: command)
    var rest = arguments[...]
    var isOver = false
    while let word = rest.popFirst() {
      if isOver || word == "-" || !word.hasPrefix("-") {
        parsed.arguments.append(word)
      } else if word == "--" {
        isOver = true
      } else if word == "--help" || word == "-h" {
        parsed.wantsHelp = true
        return parsed
      } else {
        try read(word, &rest, into: &parsed)
      }
    }
    try check(parsed)
    return parsed
  }

  private static func read(
    _ word: String, _ rest: inout ArraySlice<String>, into parsed: inout ParsedCommand
  ) throws(ClientFailure) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let isLong = word.hasPrefix("--")
    let name = String(parts[0].drop { $0 == "-" })
    let options = parsed.command.options
    func find(_ name: String) -> CommandOption? { options.first { $0.name == name } }
    let option: CommandOption
    var given = parts.count == 2 ? parts[1] : nil
    if let found = isLong ? find(name) : options.first(where: { $0.short.map { String($0) } == name }) {
      option = found
    } else if isLong, name.hasPrefix("no-"), let found = find(String(name.dropFirst(3))), found.isFlag, given == nil {
      option = found
      given = "false"
    } else {
      throw usage("Unknown option '\(parts[0])'.", parsed.command)
    }
    let shown = isLong ? "--\(option.name)" : "-\(name)"
    let text: String
    if option.isFlag {
      text = given ?? "true"
    } else if let given {
      text = given
    } else if option.isValueOptional {
      let isValue = rest.first.map { CommandValue.json($0, option.schema) != nil } ?? false
      text = isValue ? rest.removeFirst() : ""
    } else if let next = rest.popFirst() {
      text = next
    } else {
      throw usage("Missing value for '\(shown) <\(option.valueName)>'.", parsed.command)
    }
    try check(text, of: option, shown, parsed.command)
    parsed.values.append((option.name, text))
  }

  private static func check(
    _ text: String, of option: CommandOption, _ shown: String, _ command: ClientCommand
  ) throws(ClientFailure) {
    if option.isSecret || option.isValueOptional && text.isEmpty { return }
    if option.isMap {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      // Without a value the member becomes null, which removes it.
      if parts.count == 1, option.schema.isNullable, !text.isEmpty { return }
      guard parts.count == 2, !parts[0].isEmpty, CommandValue.json(parts[1], option.schema) != nil else {
        throw usage("The value '\(text)' is invalid for '\(shown) <\(option.valueName)>'.", command)
      }
      return
    }
    if CommandValue.json(text, option.schema) == nil {
      let choices = option.schema.values.isEmpty ? "" : " It is one of \(option.schema.values.joined(separator: ", "))."
      throw usage("The value '\(text)' is invalid for '\(shown) <\(option.valueName)>'.\(choices)", command)
    }
  }

  private static func check(_ parsed: ParsedCommand) throws(ClientFailure) {
    let command = parsed.command
    if parsed.arguments.count > command.arguments.count {
      throw usage("Unexpected argument '\(parsed.arguments[command.arguments.count])'.", command)
    }
    for (index, argument) in command.arguments.enumerated() {
      guard index < parsed.arguments.count else {
        if argument.isRequired { throw usage("Missing expected argument '<\(argument.name.lowercased())>'.", command) }
        continue
      }
      if !argument.values.isEmpty, !argument.values.contains(parsed.arguments[index]) {
        throw usage(
          "'\(parsed.arguments[index])' is none of \(argument.values.joined(separator: ", ")).", command)
      }
      if parsed.arguments[index].isEmpty {
        throw usage("The argument '<\(argument.name.lowercased())>' is empty.", command)
      }
    }
    for option in command.options where option.isRequired && !option.isSecret && parsed.text(option.name) == nil {
      throw usage("Missing expected option '--\(option.name) <\(option.valueName)>'.", command)
    }
  }

  private static func usage(_ fault: String, _ command: ClientCommand) -> ClientFailure {
    ClientFailure(.usage, "\(fault)\nSee 'pganalytics \(command.name) --help' for more information.")
  }
}
