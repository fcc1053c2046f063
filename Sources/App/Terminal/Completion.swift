// Completes the words of a command line: commands, options, their values, and names that the server knows.

import Ground
import Protocol

struct Completion: Sendable {
  /// How long a person waits for names from the server.
  static let patience = Duration.milliseconds(1200)
  /// The most names of the server.
  private static let names = "100"

  private let program: ClientProgram

  init(_ program: ClientProgram) { self.program = program }

  /// What may stand in place of the last word.
  /// - Parameter words: behind the name of the program; the last one is unfinished and possibly empty.
  func candidates(_ words: [String]) async -> [String] {
    let begun = words.last ?? ""
    let done = Array(words.dropLast())
    let all: [String]
    if case .command(let command, let rest)? = CommandLineParser(commands: program.commands).match(done) {
      all = await candidates(command, rest, begun) + next(done)
    } else {
      all = next(done) + options(ofServer: done)
    }
    var seen: Set<String> = []
    return all.filter { $0.hasPrefix(begun) && seen.insert($0).inserted }
  }

  /// The words that continue the name of a command.
  private func next(_ words: [String]) -> [String] {
    let names = program.commands.filter { !$0.isHidden }.map(\.name.words) + program.serverCommands().map(\.words)
    return names.filter { $0.count > words.count && Array($0.prefix(words.count)) == words }.map { $0[words.count] }
  }

  private func options(ofServer words: [String]) -> [String] {
    let bare = words.prefix { !$0.hasPrefix("-") }
    // The longest command that the words begin with.
    let command = program.serverCommands().filter { Array(bare.prefix($0.words.count)) == $0.words }.max {
      $0.words.count < $1.words.count
    }
    return command?.options ?? []
  }

  private func candidates(_ command: ClientCommand, _ rest: [String], _ begun: String) async -> [String] {
    if let last = rest.last, last.hasPrefix("-") {
      let name = last.drop { $0 == "-" }
      let option = command.options.first { $0.name == name || $0.short.map { "-\($0)" } == last }
      if let option, !option.isFlag { return await values(of: option, command) }
    }
    if begun.hasPrefix("-") { return command.options.map { "--\($0.name)" } + ["--help"] }
    let given = arguments(rest, of: command)
    guard given < command.arguments.count else { return command.options.map { "--\($0.name)" } }
    let argument = command.arguments[given]
    if !argument.values.isEmpty { return argument.values }
    switch argument.place {
    case .path(let parameter): return await names(source(of: parameter, command))
    case .text where argument.name == "CONTEXT":
      let stored = try? ContextStore(environment: program.environment).read()  // because completion reports no errors
      return stored?.contexts.map(\.name) ?? []
    case .body, .text: return []
    }
  }

  /// How many arguments of the command the words hold.
  private func arguments(_ words: [String], of command: ClientCommand) -> Int {
    var (count, isValue) = (0, false)
    for word in words {
      if isValue {
        isValue = false
      } else if word.hasPrefix("-"), word != "-" {
        let name = word.drop { $0 == "-" }
        isValue = command.options.contains { !$0.isFlag && ($0.name == name || $0.short.map { "-\($0)" } == word) }
      } else {
        count += 1
      }
    }
    return count
  }

  private func values(of option: CommandOption, _ command: ClientCommand) async -> [String] {
    if !option.schema.values.isEmpty { return option.schema.values }
    switch option.place {
    case .common where option.name == SharedOption.context.rawValue:
      let stored = try? ContextStore(environment: program.environment).read()  // because completion reports no errors
      return stored?.contexts.map(\.name) ?? []
    case .common where option.name == "columns" || option.name == "sort":
      let row = command.endpoint?.answers.first?.contents.first?.schema.properties.first { $0.name == "data" }?.schema
      return row?.element.first?.properties.map(\.name) ?? []
    case .query, .member: return await names(list(named: option.name + "s").map { ($0, ["id", "name"]) })
    case .field, .cleared, .common: return []
    }
  }

  /// The list whose entries a parameter of a path names, and the columns that may have the name.
  private func source(of parameter: String, _ command: ClientCommand) -> (Endpoint, [String])? {
    guard let path = command.endpoint?.path ?? editPath(command) else { return nil }
    guard let place = path.segments.firstIndex(where: { if case .parameter(parameter, _) = $0 { true } else { false } })
    else { return nil }
    let before = Array(path.segments[..<place])
    if let found = program.commands.compactMap(\.endpoint).first(where: {
      $0.method == .get && $0.path.segments == before
    }) {
      return (found, [parameter])
    }
    guard parameter.hasSuffix("_id") else { return nil }
    return list(named: parameter.dropLast(3) + "s").map { ($0, ["id"]) }
  }

  private func editPath(_ command: ClientCommand) -> PathPattern? {
    command.name.words.first == "collectors" ? "/api/v1/config/{collector_id}" : nil
  }

  private func list(named plural: some StringProtocol) -> Endpoint? {
    program.commands.compactMap(\.endpoint).first {
      $0.method == .get && $0.path.segments == [.fixed("api"), .fixed("v1"), .fixed(String(plural))]
    }
  }

  /// The names in a column of a list; empty if the server does not answer in time, or refuses.
  private func names(_ source: (Endpoint, [String])?) async -> [String] {
    guard let (endpoint, columns) = source else { return [] }
    let isPaged = endpoint.query.contains { $0.name == "page_size" }
    let target = endpoint.path.template + (isPaged ? "?page_size=\(Self.names)" : "")
    return await withTaskGroup(of: [String]?.self) { group in
      group.addTask {
        let value: JSONValue
        do {
          value = try await APIClient(context: nil, program.environment).json(.get(target))
        } catch {
          return []
        }
        let rows = AnswerDocument(value, nil).rows ?? []
        return rows.compactMap { row in
          columns.compactMap { column in row[member: column].flatMap { CommandValue.text($0) } }.first
        }
      }
      group.addTask {
        // Ends also if the task is cancelled, because the names have come.
        try? await Task.sleep(for: Self.patience)  // because it ends early only if the answer is there
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      // The process ends without waiting for a server that is silent.
      if first == nil { exitSilently() }
      return first ?? []
    }
  }
}
