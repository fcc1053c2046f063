// A command over the REST API. Most derive from the declaration of an endpoint, so a new endpoint has its command without
// further work. The others log in, manage contexts and edit files.

import Protocol

/// One command of the command line.
struct ClientCommand: Sendable {
  enum Action: Sendable {
    /// Sends the request of an endpoint.
    case request(Endpoint)
    case local(LocalCommand)
  }

  let name: CommandName
  let summary: String
  /// A text in CommonMark; possibly empty.
  let description: String
  let arguments: [CommandArgument]
  let options: [CommandOption]
  let action: Action
  var isHidden = false
  /// Examples of its use, without the name of the program.
  var examples: [String] = []

  /// The endpoint of a request.
  var endpoint: Endpoint? {
    switch action {
    case .request(let endpoint): endpoint
    case .local: nil
    }
  }

  /// Whether the command shows something and changes nothing.
  var isRead: Bool { endpoint?.method == .get }
}

extension ClientCommand {
  /// The command of an endpoint; nil if it has none.
  init?(_ endpoint: Endpoint) {
    guard let name = endpoint.command else { return nil }
    self.name = name
    summary = endpoint.summary.last == "." ? endpoint.summary : endpoint.summary + "."
    description = endpoint.description
    let body = endpoint.input.contents.first
    var arguments = endpoint.path.segments.enumerated().compactMap { index, segment in
      Self.argument(segment, after: endpoint.path.segments[..<index])
    }
    var options = CommandOption.query(endpoint.query)
    if let body, body.type == .json {
      // A member of the body may have the name of a filter: `--label` selects servers, `--set-label` changes them.
      let filters = Set(options.map(\.name))
      options += CommandOption.body(body.schema, isRequired: endpoint.input.isRequired).map {
        filters.contains($0.name) ? $0.named("set-\($0.name)") : $0
      }
      if endpoint.method == .patch { options += Self.clearing(body.schema) }
    } else if body != nil {
      arguments.append(CommandArgument(name: "FILE", place: .body, prose: "The file; `-` is standard input."))
    }
    options += endpoint.requestFields.filter { $0.name == "If-Match" }.map { field in
      CommandOption(name: "if-match", place: .field(field.name), schema: .string, prose: field.prose)
    }
    self.arguments = arguments
    let taken = Set(options.map(\.name))
    self.options = options + SharedOption.of(endpoint).map(\.option).filter { !taken.contains($0.name) }
    action = .request(endpoint)
    examples = [Self.example(name, arguments, options)]
  }

  private static func argument(
    _ segment: PathPattern.Segment, after path: ArraySlice<PathPattern.Segment>
  ) -> CommandArgument? {
    guard case .parameter(let parameter, let kind) = segment else { return nil }
    var noun = parameter
    if ["id", "name"].contains(parameter), case .fixed(let plural)? = path.last {
      noun = CommandOption.singular(plural)
    }
    let prose =
      switch kind {
      case .integer: "A number."
      case .uuid: "A UUID."
      case .text: ""
      }
    return CommandArgument(
      name: noun.uppercased().replacing("-", with: "_"), place: .path(parameter), prose: prose)
  }

  /// The option that empties members of a stored object.
  private static func clearing(_ schema: Schema) -> [CommandOption] {
    let names = schema.properties.filter { $0.schema.isNullable && $0.schema.properties.isEmpty }.map(\.name)
    if names.isEmpty { return [] }
    return [
      CommandOption(
        name: "clear", place: .cleared, schema: .choice(names),
        prose: "Sends null for this member, which empties it where that is possible.", isRepeated: true)
    ]
  }

  private static func example(
    _ name: CommandName, _ arguments: [CommandArgument], _ options: [CommandOption]
  ) -> String {
    let values = arguments.map { argument in
      switch argument.place {
      case .path where argument.prose == "A number.": "1"
      case .path where argument.prose == "A UUID.": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
      case .path: argument.name
      case .body, .text: argument.name
      }
    }
    let required = options.filter { $0.isRequired && !$0.isSecret }.map { option in
      option.isFlag ? "--\(option.name)" : "--\(option.name) \(option.schema.values.first ?? sample(option))"
    }
    return ([name.description] + values + required).joined(separator: " ")
  }

  private static func sample(_ option: CommandOption) -> String {
    if option.isMap { return "key=value" }
    switch option.schema.kind {
    case .integer, .number: return "1"
    default: return option.valueName.uppercased()
    }
  }
}
