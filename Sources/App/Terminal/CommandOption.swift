// The options and arguments of a client command. Those of a request derive from the declaration of its endpoint.

import Protocol

/// A value that a command takes without a name.
struct CommandArgument: Sendable {
  enum Place: Equatable, Sendable {
    /// The parameter of the path with this name.
    case path(String)
    /// A file with the body of the request; `-` is standard input.
    case body
    /// A value for a command that is no request.
    case text
  }

  /// In capitals, as the usage shows it.
  let name: String
  let place: Place
  let prose: String
  var isRequired = true
  /// The only possible values; empty if there are others.
  var values: [String] = []
}

/// A value that a command takes by its name.
struct CommandOption: Sendable {
  enum Place: Equatable, Sendable {
    case query(String)
    case field(String)
    /// A member of the JSON body, and the members around it.
    case member([String])
    /// Names a member of a PATCH that becomes null.
    case cleared
    /// An option of every client command of its kind.
    case common
  }

  /// Without the dashes.
  var name: String
  var short: Character?
  let place: Place
  /// The schema of one value.
  let schema: Schema
  let prose: String
  var isRequired = false
  var isRepeated = false
  /// Whether a value is `key=value`.
  var isMap = false
  /// Whether the value may be missing.
  var isValueOptional = false

  /// The same option with another name.
  func named(_ name: String) -> CommandOption {
    var option = self
    option.name = name
    return option
  }

  /// Whether the option takes no value.
  var isFlag: Bool { schema.kind == .boolean }
  /// Whether the value must not stand in the list of processes. The option then names a file.
  var isSecret: Bool { schema.format == "password" }

  /// The value's name in the usage.
  var valueName: String {
    if isSecret { return "file" }
    if isMap { return schema.isNullable ? "key[=value]" : "key=value" }
    if !schema.values.isEmpty { return schema.values.count <= 5 ? schema.values.joined(separator: "|") : "name" }
    switch schema.kind {
    case .integer, .number: return "number"
    case .string where schema.format == "date-time": return "time"
    case .any where !schema.alternatives.isEmpty: return "time"
    default: return name.split(separator: "-").last.map(String.init) ?? "value"
    }
  }
}

extension CommandOption {
  /// The options of the parameters of a query.
  static func query(_ parameters: [QueryReader.Parameter]) -> [CommandOption] {
    parameters.map { parameter in
      let schema = parameter.schema
      let isRepeated = schema.kind == .array
      return CommandOption(
        name: dashed(parameter.name), place: .query(parameter.name),
        schema: isRepeated ? schema.element[0] : schema, prose: prose(schema), isRequired: parameter.isRequired,
        isRepeated: isRepeated)
    }
  }

  /// The options of the members of a JSON body. Members of an object in it have its name before theirs.
  static func body(_ schema: Schema, below path: [String] = [], isRequired: Bool = true) -> [CommandOption] {
    schema.properties.flatMap { property -> [CommandOption] in
      let inner = property.schema
      let place = path + [property.name]
      let needed = isRequired && property.isRequired
      if inner.kind == .object, !inner.properties.isEmpty {
        return body(inner, below: place, isRequired: needed)
      }
      let isMap = inner.kind == .object && !inner.members.isEmpty
      let isRepeated = inner.kind == .array || isMap
      let one = inner.element.first ?? inner.members.first ?? inner
      let words = isRepeated ? path + [singular(property.name)] : place
      let isSecret = one.format == "password"
      return [
        CommandOption(
          name: dashed(words.joined(separator: "_")) + (isSecret ? "-file" : ""), place: .member(place), schema: one,
          prose: prose(inner) + (isSecret ? (prose(inner).isEmpty ? "" : " ") + secretProse : ""), isRequired: needed,
          isRepeated: isRepeated, isMap: isMap)
      ]
    }
  }

  private static let secretProse = "A file with it; `-` is standard input, which a terminal does not show."

  private static func prose(_ schema: Schema) -> String {
    var parts = [schema.description, schema.element.first?.description ?? "", schema.limits].filter { !$0.isEmpty }
    if let value = schema.defaultValue, let text = CommandValue.text(value), !text.isEmpty {
      parts.append("Default: \(text).")
    }
    if schema.values.count > 5 { parts.append("One of \(schema.values.joined(separator: ", ")).") }
    return parts.joined(separator: " ")
  }

  static func dashed(_ name: String) -> String { name.lowercased().replacing("_", with: "-") }

  /// One of the things that a plural names.
  static func singular(_ plural: String) -> String {
    if plural.hasSuffix("ies") { return plural.dropLast(3) + "y" }
    return plural.hasSuffix("s") ? String(plural.dropLast()) : plural
  }
}
