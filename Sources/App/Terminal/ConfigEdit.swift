// Edits the configuration of a collector in the person's editor.

import Glibc
import Ground
import HTTPClient
import Protocol

struct ConfigEdit: Sendable {
  private let program: ClientProgram
  private let parsed: ParsedCommand

  init(_ program: ClientProgram, _ parsed: ParsedCommand) {
    self.program = program
    self.parsed = parsed
  }

  private var target: String { StoredConfig.target(parsed.arguments[0]) }

  func run() async throws(ClientFailure) {
    let client = try APIClient(context: parsed.text(.context), program.environment)
    defer { client.close() }
    let stored = try await StoredConfig(of: parsed.arguments[0], client)
    let (old, tag) = (stored.text, stored.tag)
    let directory: String
    do throws(FileError) {
      directory = try LocalDirectory.makeUnique(prefix: "/tmp/pganalytics-config-")
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
    let file = directory + "/config.toml"
    defer {
      unlink(file)
      rmdir(directory)
    }
    var draft = old
    while true {
      draft = try edit(draft, file)
      let diff = UnifiedDiff.render(old, draft, oldName: "stored", newName: "edited")
      if diff.isEmpty { return program.screen.write("Nothing has changed.\n") }
      program.screen.write(program.screen.coloured(diff: diff))
      if parsed.text("yes") != "true" {
        guard let answer = program.input.ask("Store it? [yes/no/edit] ")?.lowercased() else {
          throw ClientFailure(.usage, "Nobody can be asked; --yes stores the text without asking.")
        }
        if ["e", "edit"].contains(answer) { continue }
        if !["y", "yes"].contains(answer) { return program.screen.write("Nothing was stored.\n") }
      }
      do throws(ClientFailure) {
        return try await store(draft, tag, client)
      } catch {
        // A person at a terminal gets the text back, so that a fault in it costs no work.
        guard error.status == .refused, Screen.canAsk else { throw error }
        program.complain(error)
        guard ["y", "yes"].contains(program.input.ask("Edit again? [yes/no] ")?.lowercased()) else { throw error }
      }
    }
  }

  private func store(_ text: String, _ tag: String?, _ client: APIClient) async throws(ClientFailure) {
    var request = APIRequest(method: .put, target: target)
    request.fields = [HTTPField("Content-Type", "application/toml")] + (tag.map { [HTTPField("If-Match", $0)] } ?? [])
    request.body = Array(text.utf8)
    let answer = try await client.json(request)
    program.screen.write("Version \(answer?[member: "version"]?.integer ?? 0) is stored.\n")
  }

  private func edit(_ text: String, _ file: String) throws(ClientFailure) -> String {
    let environment = program.environment
    let editor = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
    do throws(FileError) {
      try LocalFile.replace(file, with: Array(text.utf8))
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
    // A shell runs the editor, because the variable may have options in it.
    let status = system("\(editor) '\(file)'")
    if status != 0 { throw ClientFailure(.failure, "The editor \(editor) ended with status \(status >> 8 & 0xFF).") }
    return String(decoding: try program.input.file(file), as: UTF8.self)
  }
}
