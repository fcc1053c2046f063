// The request that a parsed command stands for.

import Ground
import Protocol

/// A request to the API.
struct APIRequest: Sendable {
  let method: HTTPMethod
  /// Below the URL of the server; percent-encoded.
  var target: String
  var fields: [HTTPField] = []
  var body: [UInt8] = []

  static func get(_ target: String) -> APIRequest { APIRequest(method: .get, target: target) }

  /// A POST with a JSON body.
  static func post(_ target: String, _ json: JSONValue) -> APIRequest {
    APIRequest(
      method: .post, target: target, fields: [HTTPField("Content-Type", "application/json")],
      body: Array(CommandValue.compact(json).utf8))
  }
}

/// Reads what a command line only names: files and secrets.
protocol CommandInput: Sendable {
  /// The content of a file; `-` is standard input.
  func file(_ path: String) throws(ClientFailure) -> [UInt8]
  /// A line that a terminal does not show, after a prompt.
  func secret(prompt: String) -> String
}

extension APIRequest {
  /// - Throws: `.usage` for a value that the endpoint cannot take, `.failure` for a file that cannot be read.
  init(_ parsed: ParsedCommand, _ endpoint: Endpoint, _ input: some CommandInput) throws(ClientFailure) {
    method = endpoint.method
    let path = endpoint.path.segments.map { segment in
      switch segment {
      case .fixed(let text): "/" + text
      case .parameter(let name, _): "/" + PercentEncoding.encode(parsed.argument(.path(name)) ?? "")
      }
    }.joined()
    var pairs: [String] = []
    var members: [(path: [String], value: JSONValue)] = []
    for option in parsed.command.options {
      switch option.place {
      case .query(let name):
        pairs += parsed.texts(option.name).suffix(option.isRepeated ? .max : 1).map {
          name + "=" + PercentEncoding.encode($0)
        }
      case .field(let name): fields += parsed.texts(option.name).suffix(1).map { HTTPField(name, $0) }
      case .member(let place):
        if let value = try Self.value(of: option, parsed, input) { members.append((place, value)) }
      case .cleared: members += parsed.texts(option.name).map { ([$0], .null) }
      case .common: break
      }
    }
    target = path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    guard let content = endpoint.input.contents.first else { return }
    fields.append(HTTPField("Content-Type", content.type.description))
    if content.type == .json {
      // An object that must be there is sent also if none of its members was given.
      for property in content.schema.properties
      where property.isRequired && !property.schema.properties.isEmpty
        && !members.contains(where: { $0.path[0] == property.name })
      {
        members.append(([property.name], .object(JSONObject())))
      }
      body = Array(CommandValue.compact(Self.object(members)).utf8)
    } else {
      body = try input.file(parsed.argument(.body) ?? "-")
    }
  }

  private static func value(
    of option: CommandOption, _ parsed: ParsedCommand, _ input: some CommandInput
  ) throws(ClientFailure) -> JSONValue? {
    let texts = parsed.texts(option.name)
    if option.isSecret {
      let name = String(option.name.dropLast("-file".count))
      let prompt = name.prefix(1).uppercased() + name.dropFirst().replacing("-", with: " ") + ": "
      guard let path = texts.last else { return option.isRequired ? .string(input.secret(prompt: prompt)) : nil }
      if path == "-" { return .string(input.secret(prompt: prompt)) }
      var bytes = try input.file(path)[...]
      while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
      return .string(String(decoding: bytes, as: UTF8.self))
    }
    guard let last = texts.last else { return nil }
    if option.isMap {
      var object = JSONObject()
      for text in texts {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        object[parts[0]] = parts.count == 2 ? CommandValue.json(parts[1], option.schema) : JSONValue.null
      }
      return .object(object)
    }
    if option.isRepeated { return .array(texts.compactMap { CommandValue.json($0, option.schema) }) }
    return CommandValue.json(last, option.schema)
  }

  /// An object of members, each at its path.
  private static func object(_ members: [(path: [String], value: JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for name in members.map({ $0.path[0] }) where object[name] == nil {
      let own = members.filter { $0.path[0] == name }
      object[name] =
        own[0].path.count == 1
        ? own[own.count - 1].value : Self.object(own.map { (Array($0.path.dropFirst()), $0.value) })
    }
    return .object(object)
  }
}

/// The encoding of a text in a URL (RFC 3986 §2.1).
enum PercentEncoding {
  static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      let character = Character(Unicode.Scalar(byte))
      if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
        encoded.append(character)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return encoded
  }
}
