// Runs the command of an endpoint: sends the request, follows pages, repeats it for --watch, and writes the answer.

import Glibc
import Ground
import HTTPClient
import Protocol

struct RequestRun: Sendable {
  private let program: ClientProgram
  private let parsed: ParsedCommand
  private let endpoint: Endpoint
  private let writer: AnswerWriter

  init(_ program: ClientProgram, _ parsed: ParsedCommand, _ endpoint: Endpoint) {
    self.program = program
    self.parsed = parsed
    self.endpoint = endpoint
    let command = parsed.command
    func common(_ option: SharedOption) -> String? {
      command.options.contains { $0.name == option.rawValue && $0.place == .common } ? parsed.text(option) : nil
    }
    writer = AnswerWriter(
      form: common(.output).flatMap(OutputForm.init) ?? .table, screen: program.screen, columns: common(.columns),
      sort: common(.sort))
  }

  /// The JSON among the answers; nil if the endpoint answers with a text or without a body.
  private var json: AnswerDeclaration.Content? {
    endpoint.answers.first { $0.status.code < 300 }?.contents.first { $0.type.isJSON }
  }

  func run() async throws(ClientFailure) {
    let request = try APIRequest(parsed, endpoint, program.input)
    let client = try APIClient(context: parsed.text(.context), program.environment)
    defer { client.close() }
    guard let watch = parsed.text(.watch) else { return try await once(request, client) }
    let seconds = Double(watch) ?? 2
    while true {
      do throws(ClientFailure) {
        let text = try await text(request, client)
        program.screen.clear()
        program.screen.write(heading(seconds) + text)
      } catch {
        // The server may come back, and the person still watches.
        guard error.status == .unreachable || error.status == .failure else { throw error }
        program.screen.clear()
        program.complain(error)
      }
      do {
        try await Task.sleep(for: .seconds(max(0.2, seconds)))
      } catch { return }
    }
  }

  private func heading(_ seconds: Double) -> String {
    guard program.screen.isTerminal else { return "" }
    let now = CellText.local(WallClock.unixSeconds() * 1_000_000)
    let pause = CellText.decimal(seconds, places: 1)
    return program.screen.style(.faint, "Every \(pause) s: \(parsed.command.name)  \(now)") + "\n\n"
  }

  private func once(_ request: APIRequest, _ client: APIClient) async throws(ClientFailure) {
    if json == nil, let type = endpoint.answers.first?.contents.first?.type {
      var request = request
      request.fields.append(HTTPField("Accept", type.description))
      let body = try await client.send(request).body
      // A file or a pipe gets the bytes as they are.
      if program.screen.isTerminal { program.screen.page(writer.raw(body)) } else { program.screen.write(bytes: body) }
      return
    }
    let text = try await text(request, client)
    if parsed.command.isRead, !parsed.has(.noPager), writer.form == .table {
      program.screen.page(text)
    } else {
      program.screen.write(text)
    }
  }

  private func text(_ request: APIRequest, _ client: APIClient) async throws(ClientFailure) -> String {
    guard let document = try await document(request, client) else {
      return writer.form == .table ? "Done.\n" : ""
    }
    return try writer.text(document)
  }

  /// The answer, with all pages if the person wants them; nil for an answer without a body.
  private func document(_ request: APIRequest, _ client: APIClient) async throws(ClientFailure) -> AnswerDocument? {
    var request = request
    request.fields.append(HTTPField("Accept", json?.type.description ?? "*/*"))
    let isPaged = endpoint.query.contains { $0.name == "page" }
    let wantsAll = parsed.has(.all)
    if wantsAll, isPaged, parsed.text("page-size") == nil {
      request.target = Self.with("page_size", String(PageSelection.sizes.upperBound), request.target)
    }
    let answer = try await client.send(request)
    var first = try APIClient.json(answer)
    if answer.status == .accepted, !parsed.has(.noWait), let path = answer.head.fields.string(named: "location") {
      first = try await AcceptedWork(client: client, path: path).wait(parsed.command.name.description)
    }
    guard let first else { return nil }
    var document = AnswerDocument(first, json?.schema)
    guard wantsAll else { return document }
    var bar = ProgressBar(parsed.command.name.description)
    defer { bar.end() }
    if isPaged {
      let pages = first[member: "total_pages"]?.integer ?? 1
      var page = first[member: "page"]?.integer ?? 1
      while page < pages {
        bar.show(Double(page) / Double(pages), "\(document.rows?.count ?? 0) rows")
        page += 1
        var next = request
        next.target = Self.with("page", String(page), request.target)
        guard let value = try await client.json(next) else { break }
        document.append(AnswerDocument(value, json?.schema))
      }
    } else {
      var cursor = first[member: "next_cursor"]?.string
      while let position = cursor {
        bar.count(document.rows?.count ?? 0, "rows")
        var next = request
        next.target = Self.with("cursor", PercentEncoding.encode(position), request.target)
        guard let value = try await client.json(next) else { break }
        document.append(AnswerDocument(value, json?.schema))
        cursor = value[member: "next_cursor"]?.string
      }
    }
    return document
  }

  /// The target with another value of a query parameter.
  private static func with(_ name: String, _ value: String, _ target: String) -> String {
    let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
    let others =
      parts.count < 2 ? [] : parts[1].split(separator: "&").filter { !$0.hasPrefix(name + "=") }.map(String.init)
    return parts[0] + "?" + (others + ["\(name)=\(value)"]).joined(separator: "&")
  }
}
