// The client of the REST API: sends requests as a user, keeps the session alive, and turns refusals into sentences.

import Ground
import HTTPClient
import Protocol

/// Sends requests with the token of a context or of the environment.
final class APIClient: Sendable {
  enum Identity: Sendable {
    /// Nobody: for logging in.
    case none
    /// A token from the environment.
    case token(String)
    /// The session of a context.
    case context(String, ContextStore)
  }

  /// A token that ends within this many seconds is renewed first.
  private static let margin: Int64 = 20

  let connection: APIConnection
  private let identity: Identity

  /// - Throws: `.unreachable`
  init(_ url: HTTPSURL, _ trust: TLSContext, as identity: Identity) throws(ClientFailure) {
    connection = try APIConnection(url, trust)
    self.identity = identity
  }

  /// The server and the identity that the options and the environment name.
  /// - Parameter name: the value of `--context`.
  convenience init(context name: String?, _ environment: [String: String]) throws(ClientFailure) {
    if name == nil, let url = environment["PGANALYTICS_URL"] {
      let identity = environment["PGANALYTICS_TOKEN"].map { Identity.token($0) } ?? .none
      try self.init(
        try Self.url(url), try ServerTrust.context(file: environment["PGANALYTICS_CA"]), as: identity)
      return
    }
    let store = try ContextStore(environment: environment)
    let list = try store.read()
    guard let chosen = name ?? environment["PGANALYTICS_CONTEXT"] ?? list.current else {
      throw ClientFailure(
        .usage,
        "There is no context. Log in first: pganalytics login https://HOST:8443, or set PGANALYTICS_URL and PGANALYTICS_TOKEN."
      )
    }
    guard let context = list[chosen] else {
      throw ClientFailure(
        .usage, "There is no context \(chosen). `pganalytics context list` shows those that there are.")
    }
    try self.init(
      try Self.url(context.url), try ServerTrust.context(pem: context.authorities), as: .context(chosen, store))
  }

  /// - Throws: `.usage`
  static func url(_ text: String) throws(ClientFailure) -> HTTPSURL {
    guard let url = HTTPSURL(text) else {
      throw ClientFailure(.usage, "\(text) is no URL of a server, such as https://metrics.example.com:8443.")
    }
    return url
  }

  func close() { connection.close() }

  /// Sends a request.
  /// - Returns: the answer, whose status is below 400.
  /// - Throws: the refusal, `.failure` or `.unreachable`.
  func send(_ request: APIRequest) async throws(ClientFailure) -> HTTPAnswer {
    let answer = try await attempt(request, try await token(renewing: nil))
    if answer.status == .unauthorized, case .context = identity, let token = bearer(answer) {
      // The access token ended early, for example because the signing key was changed.
      return try Self.check(try await attempt(request, try await self.token(renewing: token)))
    }
    return try Self.check(answer)
  }

  /// Sends a request and parses its answer. - Returns: nil for an answer without a body.
  func json(_ request: APIRequest) async throws(ClientFailure) -> JSONValue? {
    try Self.json(try await send(request))
  }

  static func json(_ answer: HTTPAnswer) throws(ClientFailure) -> JSONValue? {
    if answer.body.isEmpty { return nil }
    do throws(JSONValueError) {
      return try JSONValue.parse(answer.body.span, limits: JSONValueLimits(bytes: answer.body.count))
    } catch {
      throw ClientFailure(.failure, "The answer is no JSON: \(error).")
    }
  }

  private func attempt(_ request: APIRequest, _ token: String?) async throws(ClientFailure) -> HTTPAnswer {
    var request = request
    if let token { request.fields.append(HTTPField("Authorization", "Bearer \(token)")) }
    do {
      return try await connection.answer(to: request)
    } catch let loss as ConnectionLoss {
      throw ClientFailure(.unreachable, "The server \(connection.url.authority) cannot be used: \(loss.reason).")
    } catch {
      throw ClientFailure(.usage, "The request cannot be sent: \(error).")
    }
  }

  /// The token that the refused request had, if another one may help.
  private func bearer(_ answer: HTTPAnswer) -> String? {
    let json = try? Self.json(answer)  // because an answer without JSON is no refusal of ours
    guard let slug = json?[member: "error"]?.string else { return nil }
    let helps: [Problem.Kind] = [.expiredToken, .unknownKey, .badSignature, .sessionEnded]
    return helps.contains { $0.slug == slug } ? sent.withLock { $0 } : nil
  }

  private let sent = SentToken()

  /// - Parameter refused: a token that the server has refused.
  private func token(renewing refused: String?) async throws(ClientFailure) -> String? {
    let token: String?
    switch identity {
    case .none: token = nil
    case .token(let text): token = text
    case .context(let name, let store): token = try await sessionToken(name, store, renewing: refused)
    }
    sent.set(token)
    return token
  }

  private func sessionToken(
    _ name: String, _ store: ContextStore, renewing refused: String?
  ) async throws(ClientFailure) -> String {
    func isGood(_ context: ClientContext) -> Bool {
      context.accessToken != refused && context.accessTokenEnd - Self.margin > WallClock.unixSeconds()
    }
    if let context = try store.read()[name], isGood(context) { return context.accessToken }
    return try await store.change { list throws(ClientFailure) in
      guard var context = list[name] else { throw ClientFailure(.usage, "There is no context \(name).") }
      // Another command may have renewed the token in the meantime.
      if isGood(context) { return context.accessToken }
      let login = "Log in again: pganalytics login \(context.url)"
      if context.refreshToken.isEmpty { throw ClientFailure(.refused, "You are logged out. \(login)") }
      let answer = try await attempt(
        .post("/api/v1/auth/refresh", ["refresh_token": .string(context.refreshToken)]), nil)
      if answer.status == .unauthorized || answer.status == .forbidden {
        throw ClientFailure(.refused, "The session has ended. \(login)")
      }
      try context.accept(try Self.json(try Self.check(answer)))
      if context.followsServer {
        let bundle = try Self.check(try await attempt(.get("/api/v1/certificate-authorities"), nil))
        context.authorities = String(decoding: bundle.body, as: UTF8.self)
      }
      list[name] = context
      return context.accessToken
    }
  }

  /// - Throws: the refusal in the words of the server.
  static func check(_ answer: HTTPAnswer) throws(ClientFailure) -> HTTPAnswer {
    let code = answer.status.code
    if code < 400 { return answer }
    let problem: JSONValue? = (try? json(answer)) ?? nil  // because the status alone says enough
    var sentence = problem?[member: "message"]?.string ?? "The server answered with status \(code)."
    if let details = problem?[member: "details"]?.string {
      sentence = (sentence.last == "." ? String(sentence.dropLast()) : sentence) + ": " + details
      if details.last != "." { sentence += "." }
    }
    if let pause = answer.retryAfter { sentence += " Try again in \(pause.wholeSeconds) s." }
    if let id = problem?[member: "request_id"]?.string { sentence += " (request \(id))" }
    throw ClientFailure(code == 404 ? .notFound : code < 500 ? .refused : .failure, sentence)
  }
}

extension ClientContext {
  /// Takes the tokens of an answer to a login or a refresh.
  mutating func accept(_ answer: JSONValue?) throws(ClientFailure) {
    guard let access = answer?[member: "access_token"]?.string, let refresh = answer?[member: "refresh_token"]?.string,
      let life = answer?[member: "expires_in"]?.integer
    else { throw ClientFailure(.failure, "The answer to the login has no tokens.") }
    accessToken = access
    accessTokenEnd = WallClock.unixSeconds() + life
    refreshToken = refresh
  }
}
