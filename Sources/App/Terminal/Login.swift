// Logging in, for the first time and again.

import Glibc
import HTTPClient
import Protocol

struct Login: Sendable {
  private let program: ClientProgram
  private let parsed: ParsedCommand

  init(_ program: ClientProgram, _ parsed: ParsedCommand) {
    self.program = program
    self.parsed = parsed
  }

  func run() async throws(ClientFailure) {
    let url = try APIClient.url(parsed.arguments[0])
    let store = try ContextStore(environment: program.environment)
    let (authorities, follows) = try await trust(url)
    guard let username = parsed.text("username") ?? program.input.ask("User name: ") else {
      throw ClientFailure(.usage, "Missing expected option '--username <username>': nobody can be asked.")
    }
    let password = try password()
    let client = try APIClient(url, try ServerTrust.context(pem: authorities), as: .none)
    defer { client.close() }
    let answer = try await client.json(
      .post("/api/v1/auth/login", ["username": .string(username), "password": .string(password)]))
    let name = try await store.change { list throws(ClientFailure) -> String in
      let taken = list[url.host].map { $0.url != parsed.arguments[0] } ?? false
      let name = parsed.text("context") ?? (taken ? url.authority : url.host)
      var context = ClientContext(name: name, url: parsed.arguments[0], username: username)
      context.authorities = authorities
      context.followsServer = follows
      try context.accept(answer)
      list[name] = context
      list.current = name
      return name
    }
    program.screen.write(
      "Logged in to \(url.authority) as \(TerminalText.oneLine(username)); the context is \(name).\n")
  }

  private func password() throws(ClientFailure) -> String {
    guard let file = parsed.text("password-file"), file != "-" else {
      return program.input.secret(prompt: "Password: ")
    }
    let text = String(decoding: try program.input.file(file), as: UTF8.self)
    return String(text.reversed().drop(while: \.isNewline).reversed())
  }

  /// The authorities to trust, in PEM; nil: those of the operating system. And whether they follow the server.
  private func trust(_ url: HTTPSURL) async throws(ClientFailure) -> (String?, Bool) {
    if let file = parsed.text("ca") { return (try ServerTrust.read(file), false) }
    if let text = parsed.text("ca-fingerprint") {
      guard let wanted = ServerTrust.fingerprint(text) else {
        throw ClientFailure(
          .usage, "The value '\(text)' is invalid for '--ca-fingerprint <ca-fingerprint>': 64 hex digits.")
      }
      let shown = try await ServerTrust.shown(by: url)
      guard let anchor = shown.first(where: { $0.fingerprintHex == wanted }) else {
        throw ClientFailure(
          .unreachable,
          "No authority of \(url.authority) has this fingerprint. It may be another server, or someone between you and it."
        )
      }
      return (try await ServerTrust.bundle(url, trusting: anchor), true)
    }
    if try await isTrusted(url) { return (nil, false) }
    return (try await ask(url), true)
  }

  /// Whether the operating system trusts the server.
  private func isTrusted(_ url: HTTPSURL) async throws(ClientFailure) -> Bool {
    let connection = try APIConnection(url, try ServerTrust.context(pem: nil))
    defer { connection.close() }
    do {
      _ = try await connection.answer(to: .get("/api/v1/health/live"))
      return true
    } catch let loss as ConnectionLoss {
      if case .tls(.untrustedPeer) = loss { return false }
      throw ClientFailure(.unreachable, "The server \(url.authority) cannot be used: \(loss.reason).")
    } catch {
      throw ClientFailure(.failure, "\(error).")
    }
  }

  private func ask(_ url: HTTPSURL) async throws(ClientFailure) -> String {
    let how =
      "On the server, `pganalytics ca fingerprint` prints it, and `pganalytics ca list` those of all its authorities."
    let shown = try await ServerTrust.shown(by: url)
    guard let authority = shown.first, Screen.canAsk else {
      throw ClientFailure(
        .unreachable,
        "The certificate of \(url.authority) is not trusted. Give --ca FILE or --ca-fingerprint SHA256. \(how)")
    }
    let name = TerminalText.oneLine(authority.subjectCommonName ?? "")
    let answer = program.input.ask(
      """
      The certificate of \(url.authority) is not trusted by this machine.
      The server says that its authority is \(name), with the SHA-256 fingerprint
        \(authority.fingerprintHex)
      \(how)
      Is it the same? [yes/no] 
      """)
    guard ["yes", "y"].contains(answer?.lowercased()) else {
      throw ClientFailure(.unreachable, "The server is not trusted, and nothing was sent to it.")
    }
    return try await ServerTrust.bundle(url, trusting: authority)
  }
}

extension ClientProgram {
  func logout(_ parsed: ParsedCommand) async throws(ClientFailure) {
    let store = try ContextStore(environment: environment)
    let list = try store.read()
    guard let name = parsed.text(.context) ?? environment["PGANALYTICS_CONTEXT"] ?? list.current, list[name] != nil
    else {
      throw ClientFailure(.usage, "There is no context to log out of.")
    }
    let client = try APIClient(context: name, environment)
    defer { client.close() }
    var failure: ClientFailure?
    do throws(ClientFailure) {
      _ = try await client.send(APIRequest(method: .post, target: "/api/v1/auth/logout"))
    } catch {
      failure = error
    }
    // The tokens are forgotten also if the server did not hear of it.
    try await store.change { list throws(ClientFailure) in
      list[name]?.accessToken = ""
      list[name]?.accessTokenEnd = 0
      list[name]?.refreshToken = ""
    }
    if let failure, failure.status != .refused { throw failure }
    screen.write("Logged out of \(name).\n")
  }

  func listContexts(_ parsed: ParsedCommand) throws(ClientFailure) {
    let list = try ContextStore(environment: environment).read()
    let chosen = environment["PGANALYTICS_CONTEXT"] ?? list.current
    let rows = list.contexts.map { context -> JSONValue in
      [
        "name": .string(context.name), "url": .string(context.url), "username": .string(context.username),
        "is_current": .bool(context.name == chosen), "is_logged_in": .bool(!context.refreshToken.isEmpty),
      ]
    }
    let writer = AnswerWriter(
      form: parsed.text(.output).flatMap(OutputForm.init) ?? .table, screen: screen, columns: parsed.text(.columns))
    screen.write(try writer.text(AnswerDocument(["data": .array(rows)], nil)))
  }

  func useContext(_ name: String) async throws(ClientFailure) {
    try await ContextStore(environment: environment).change { list throws(ClientFailure) in
      if list[name] == nil { throw ClientFailure(.notFound, "There is no context \(name).") }
      list.current = name
    }
  }

  func deleteContext(_ name: String) async throws(ClientFailure) {
    try await ContextStore(environment: environment).change { list throws(ClientFailure) in
      if list[name] == nil { throw ClientFailure(.notFound, "There is no context \(name).") }
      list[name] = nil
    }
  }
}
