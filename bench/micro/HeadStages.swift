// Measures the stages of a request besides its body: head, token, answer.

import Protocol

extension Bench {
  func headStages() throws -> [StageResult] {
    let keys = try JWTKeySet(signing: JWTKey.generate(id: "k1"))
    let claims = JWTClaims(
      issuer: "pganalytics", audience: "pganalytics:collector", subject: "collector:\(MicroBody.collectorID)",
      tokenID: UUID.random().description, issuedAt: MicroBody.unixSeconds, notBefore: MicroBody.unixSeconds,
      expiresAt: MicroBody.unixSeconds + 1800,
      members: [
        .init("type", .text("access")), .init("collector_id", .text(MicroBody.collectorID)),
        .init("hostname", .text("db-1.example")),
      ])
    let token = JWT.sign(claims, with: keys)
    return [try head(token), try verify(token, keys), try answer()]
  }

  private func head(_ token: String) throws -> StageResult {
    var bytes = ByteBuffer()
    let request = HTTPRequest(
      method: .post, target: "/api/v1/metrics/push", authority: "ingest.example:8443",
      fields: [
        HTTPField("User-Agent", "Go-http-client/1.1"), HTTPField("Authorization", "Bearer " + token),
        HTTPField("Content-Encoding", "gzip"), HTTPField("Content-Type", "application/json"),
        HTTPField("Accept-Encoding", "gzip"),
      ], body: .bytes([0x7B, 0x7D]))
    try request.encode(into: &bytes)
    let wire = bytes.withUnsafeBytes { Array($0) }
    var machine = HTTPServerMachine()
    return measure("HTTP head of a push", bytes: wire.count) {
      var position = 0
      var events = 0
      while machine.next(wire.span, &position) != .needInput { events += 1 }
      precondition(events == 3 && machine.responseFinished() == .keepAlive)
    }
  }

  private func verify(_ token: String, _ keys: JWTKeySet) throws -> StageResult {
    let bytes = Array(token.utf8)
    return try measure("JWT, HS256 verified and claims read", bytes: bytes.count) {
      let claims = try JWT.verify(
        bytes.span, with: keys, audience: "pganalytics:collector", issuer: "pganalytics", now: MicroBody.unixSeconds)
      consume(claims.members.count)
    }
  }

  private func answer() throws -> StageResult {
    var buffer = ByteBuffer()
    let body = Array(
      #"{"status":"success","collector_id":"5cd3f9a0-0f6e-4a64-9d6c-0d4a3cfe2f11","metrics_inserted":1}"#.utf8)
    let response = HTTPResponse(status: .ok, fields: [HTTPField("Content-Type", "application/json")], body: body)
    return try measure("HTTP answer", bytes: body.count) {
      buffer.removeAll()
      try response.encode(
        into: &buffer, date: "Sun, 22 Nov 2026 19:33:04 GMT", exchange: HTTPExchange(isHEAD: false, minorVersion: 1),
        disposition: .keepAlive)
      consume(buffer.count)
    }
  }
}
