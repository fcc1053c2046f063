// Compares two versions of the configuration of a collector, or a version and a local file.

import HTTPClient
import Protocol

struct ConfigDiff: Sendable {
  private let program: ClientProgram
  private let parsed: ParsedCommand

  init(_ program: ClientProgram, _ parsed: ParsedCommand) {
    self.program = program
    self.parsed = parsed
  }

  func run() async throws(ClientFailure) {
    let (collector, file) = (parsed.arguments[0], parsed.arguments.dropFirst().first)
    if file != nil, parsed.text("from") != nil {
      throw ClientFailure(.usage, "--from and a file exclude each other: the file is compared with one version, --to.")
    }
    let local = try file.map { file throws(ClientFailure) in
      String(decoding: try program.input.file(file), as: UTF8.self)
    }
    let client = try APIClient(context: parsed.text(.context), program.environment)
    defer { client.close() }
    let diff: String
    if let local, let file {
      let stored = try await StoredConfig(of: collector, version: parsed.text("to"), client)
      diff = UnifiedDiff.render(
        stored.text, local, oldName: stored.name, newName: file == "-" ? "standard input" : file)
    } else {
      let pairs = ["from", "to"].compactMap { name in parsed.text(name).map { "\(name)=\($0)" } }
      let target = StoredConfig.target(collector) + "/diff" + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
      diff = String(decoding: try await client.send(.get(target)).body, as: UTF8.self)
    }
    let screen = program.screen
    if screen.isTerminal { screen.page(screen.coloured(diff: diff)) } else { screen.write(diff) }
  }
}

/// A version of a configuration, as the server has it.
struct StoredConfig: Sendable {
  let text: String
  /// The ETag; nil if there is no configuration yet.
  let tag: String?
  /// What a diff calls it.
  let name: String

  static func target(_ collector: String) -> String { "/api/v1/config/" + PercentEncoding.encode(collector) }

  /// Reads a version; the text is empty if the collector has no configuration yet.
  /// - Parameter version: nil: the latest one.
  /// - Throws: `.notFound` if there is no such collector or version.
  init(of collector: String, version: String? = nil, _ client: APIClient) async throws(ClientFailure) {
    name = version.map { "version \($0)" } ?? "stored"
    do throws(ClientFailure) {
      let answer = try await client.send(.get(Self.target(collector) + (version.map { "/versions/" + $0 } ?? "")))
      text = String(decoding: answer.body, as: UTF8.self)
      tag = answer.head.fields.string(named: "etag")
    } catch {
      guard error.status == .notFound, version == nil else { throw error }
      // Either the collector has no configuration yet, or there is no such collector.
      _ = try await client.send(.get("/api/v1/collectors/" + PercentEncoding.encode(collector)))
      (text, tag) = ("", nil)
    }
  }
}

extension Screen {
  /// A unified diff with colours, safe for a terminal.
  func coloured(diff: String) -> String {
    diff.split(separator: "\n").map { line in
      let text = TerminalText.escape(String(line), keeping: ["\t"])
      let style: Style? =
        line.hasPrefix("+") ? .good : line.hasPrefix("-") ? .bad : line.hasPrefix("@@") ? .faint : nil
      return (style.map { self.style($0, text) } ?? text) + "\n"
    }.joined()
  }
}
