import Testing

@testable import Protocol

struct JWTTests {
  private let key: JWTKey
  private let keys: JWTKeySet

  init() throws {
    key = try JWTKey(id: "k1", secret: Array(0..<32))
    keys = try JWTKeySet(signing: key)
  }

  private func claims(_ change: (inout JWTClaims) -> Void = { _ in }) -> JWTClaims {
    var claims = JWTClaims(
      issuer: "pganalytics", audience: "collector", subject: "s-1", tokenID: "t-1", issuedAt: testNow,
      notBefore: testNow, expiresAt: testNow + 1800,
      members: [
        .init("role", .text("admin")), .init("user_id", .number(-42)), .init("hostname", .text("a\"\\\n\u{1}é😀")),
      ])
    change(&claims)
    return claims
  }

  private func verify(
    _ token: String, with keys: JWTKeySet? = nil, now: Int64 = testNow, leeway: Int64 = 0
  ) throws(JWTError) -> JWTClaims {
    try JWT.verify(
      Array(token.utf8).span, with: keys ?? self.keys, audience: "collector", issuer: "pganalytics", now: now,
      leeway: leeway)
  }

  /// A token with the given header and payload and a valid signature.
  private func forge(header: String? = nil, payload: String? = nil, paddedWith suffix: String = "") -> String {
    let header = header ?? #"{"alg":"HS256","typ":"JWT","kid":"k1"}"#
    let payload = payload ?? Self.goodPayload
    let signed =
      Base64URL.encode(Array(header.utf8)) + suffix + "." + Base64URL.encode(Array(payload.utf8)) + suffix
    return signed + "." + Base64URL.encode(key.authentication.tag(of: Array(signed.utf8).span))
  }

  private static let goodPayload =
    #"{"iss":"pganalytics","aud":"collector","sub":"s","jti":"j","iat":\#(testNow),"nbf":\#(testNow),"exp":\#(testNow + 9)}"#

  @Test func `claims read back as they were signed`() throws {
    #expect(try verify(JWT.sign(claims(), with: keys)) == claims())
    #expect(try verify(forge()).subject == "s")
    #expect(claims().text("role") == "admin" && claims().text("user_id") == nil && claims().text("none") == nil)
    #expect(claims().number("user_id") == -42 && claims().number("role") == nil)
  }

  /// The expected token comes from Python's hmac, hashlib and base64.
  @Test func `tokens agree with another implementation`() throws {
    let token = JWT.sign(
      JWTClaims(
        issuer: "i", audience: "a", subject: "s", tokenID: "j", issuedAt: 1, notBefore: 2, expiresAt: 3), with: keys)
    #expect(token == Self.madeByPython)
  }

  private static let madeByPython =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0"
    + ".eyJpc3MiOiJpIiwiYXVkIjoiYSIsInN1YiI6InMiLCJqdGkiOiJqIiwiaWF0IjoxLCJuYmYiOjIsImV4cCI6M30"
    + ".aOwzp2lJfgS5KTQfp_gx0k_SOLPx_aFX7gfIDrCFcSw"

  @Test func `a token is valid from nbf until just before exp, within the leeway`() throws {
    let token = JWT.sign(claims(), with: keys)
    for (now, leeway, error): (Int64, Int64, JWTError?) in [
      (0, 0, nil), (-1, 0, .notYetValid), (1799, 0, nil), (1800, 0, .expired),
      (-30, 30, nil), (-31, 30, .notYetValid), (1829, 30, nil), (1830, 30, .expired),
    ] {
      if let error {
        #expect(throws: error) { _ = try verify(token, now: testNow + now, leeway: leeway) }
      } else {
        _ = try verify(token, now: testNow + now, leeway: leeway)
      }
    }
    let issuedLater = JWT.sign(claims { $0.issuedAt = testNow + 1 }, with: keys)
    #expect(throws: JWTError.notYetValid) { _ = try verify(issuedLater) }
    for extreme in [Int64.min, .max] {
      let token = JWT.sign(claims { ($0.notBefore, $0.expiresAt) = (extreme, extreme) }, with: keys)
      #expect(throws: JWTError.self) { _ = try verify(token, leeway: 30) }
    }
  }

  @Test func `a token is valid only for its own audience and issuer`() {
    #expect(throws: JWTError.wrongAudience) { _ = try verify(JWT.sign(claims { $0.audience = "user" }, with: keys)) }
    #expect(throws: JWTError.wrongIssuer) { _ = try verify(JWT.sign(claims { $0.issuer = "" }, with: keys)) }
  }

  @Test(arguments: ["iss", "aud", "sub", "jti", "iat", "nbf", "exp"])
  func `a missing claim, or one of another type, is refused by its name`(name: String) {
    let members = [
      ("iss", "\"pganalytics\"", "1"), ("aud", "\"collector\"", "[\"collector\"]"), ("sub", "\"s\"", "null"),
      ("jti", "\"j\"", "true"), ("iat", "\(testNow)", "\"1\""), ("nbf", "\(testNow)", "1.5"),
      ("exp", "\(testNow + 9)", "\"9\""),
    ]
    let without = members.filter { $0.0 != name }.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
    let mistyped = members.map { "\"\($0.0)\":\($0.0 == name ? $0.2 : $0.1)" }.joined(separator: ",")
    #expect(throws: JWTError.missingClaim(name)) { _ = try verify(forge(payload: "{\(without)}")) }
    #expect(throws: JWTError.malformed) { _ = try verify(forge(payload: "{\(mistyped)}")) }
  }

  @Test(arguments: [
    (#"{"alg":"none","kid":"k1"}"#, JWTError.unsupportedAlgorithm),
    (#"{"alg":"HS384","kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"alg":"RS256","kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"alg":"hs256","kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"alg":"HS256 ","kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"alg":256,"kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"kid":"k1"}"#, .unsupportedAlgorithm),
    (#"{"alg":"HS256"}"#, .unknownKey),
    (#"{"alg":"HS256","kid":"k2"}"#, .unknownKey),
    (#"{"alg":"HS256","kid":""}"#, .unknownKey),
    (#"{"alg":"HS256","kid":1}"#, .malformed),
    (#"{"alg":"HS256","kid":"k1","typ":"at+jwt"}"#, .malformed),
    (#"{"alg":"HS256","kid":"k1","jku":"https://evil.test"}"#, .malformed),
    (#"{"alg":"HS256","kid":"k1","crit":["exp"]}"#, .malformed),
    (#"{"alg":"HS256","kid":"k1","kid":"k1"}"#, .malformed),
    (#"{"alg":"none","alg":"HS256","kid":"k1"}"#, .malformed),
    (#"["HS256"]"#, .malformed), ("", .malformed), (#"{"alg":"HS256","kid":"k1"} x"#, .malformed),
  ])
  func `every other header is refused, even with a right signature`(header: String, error: JWTError) {
    #expect(throws: error) { _ = try verify(forge(header: header)) }
  }

  @Test func `the type is optional, and white space is that of JSON`() throws {
    #expect(try verify(forge(header: "{ \"alg\" : \"HS256\",\n\t\"kid\":\"k1\" }")).subject == "s")
  }

  @Test func `a payload with a repeated claim is refused`() {
    let payload = Self.goodPayload.dropLast() + #","sub":"admin"}"#
    #expect(throws: JWTError.malformed) { _ = try verify(forge(payload: String(payload))) }
    let escaped = Self.goodPayload.dropLast() + #","\u0073ub":"admin"}"#
    #expect(throws: JWTError.malformed) { _ = try verify(forge(payload: String(escaped))) }
  }

  @Test(arguments: ["", ".", "..", "...", "a.b", "a.b.c.d", " ", "\0", "é.é.é"])
  func `a text without the form of a token is refused`(text: String) {
    #expect(throws: JWTError.self) { _ = try verify(text) }
  }

  @Test func `padding, white space and a missing or empty signature are refused`() {
    let good = forge()
    #expect(throws: JWTError.malformed) { _ = try verify(forge(paddedWith: "=")) }
    #expect(throws: JWTError.malformed) { _ = try verify(good + "=") }
    #expect(throws: JWTError.malformed) { _ = try verify(good + "\n") }
    #expect(throws: JWTError.malformed) { _ = try verify(" " + good) }
    let unsigned = good.split(separator: ".").prefix(2).joined(separator: ".")
    #expect(throws: JWTError.badSignature) { _ = try verify(unsigned + ".") }
    #expect(throws: JWTError.malformed) { _ = try verify(unsigned) }
    #expect(throws: JWTError.badSignature) { _ = try verify(String(good.dropLast(4))) }
  }

  @Test func `a token one byte over the maximum length is refused before it is read`() {
    let longest = String(repeating: "a", count: JWT.maximumBytes)
    #expect(throws: JWTError.malformed) { _ = try verify(longest) }
    #expect(throws: JWTError.tooLong) { _ = try verify(longest + "a") }
  }

  @Test func `older keys verify, and unknown keys and equal names with another secret do not`() throws {
    let old = try JWTKeySet(signing: key)
    let token = JWT.sign(claims(), with: old)
    let rotated = try JWTKeySet(signing: JWTKey.generate(id: "k2"), verifying: [key])
    #expect(try verify(token, with: rotated) == claims())
    #expect(try verify(JWT.sign(claims(), with: rotated), with: rotated) == claims())
    #expect(throws: JWTError.unknownKey) { _ = try verify(JWT.sign(claims(), with: rotated), with: old) }
    let impostor = try JWTKeySet(signing: JWTKey.generate(id: "k1"))
    #expect(throws: JWTError.badSignature) { _ = try verify(token, with: impostor) }
  }

  @Test func `a key has exactly 32 bytes and a name of its own`() throws {
    for count in [0, 31, 33] {
      #expect(throws: JWTKeyError.wrongSecretLength(count)) {
        _ = try JWTKey(id: "k", secret: [UInt8](repeating: 0, count: count))
      }
    }
    #expect(throws: JWTKeyError.unusableID) { _ = try JWTKey.generate(id: "") }
    #expect(throws: JWTKeyError.unusableID) { _ = try JWTKey.generate(id: String(repeating: "k", count: 65)) }
    #expect(throws: JWTKeyError.duplicateID("k1")) {
      _ = try JWTKeySet(signing: JWTKey.generate(id: "k1"), verifying: [key])
    }
    let quoted = try JWTKeySet(signing: JWTKey.generate(id: "a\"b\\"))
    #expect(try verify(JWT.sign(claims(), with: quoted), with: quoted) == claims())
  }

  @Test func `no mutation of a token is accepted`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    let token = Array(JWT.sign(claims(), with: keys).utf8)
    for round in 0..<5000 {
      let mutated = generator.mutate(token)
      guard mutated != token else { continue }
      #expect(throws: JWTError.self, "seed \(seed), round \(round)") {
        _ = try JWT.verify(mutated.span, with: keys, audience: "collector", issuer: "pganalytics", now: testNow)
      }
    }
  }
}

/// Both parts of a token are read by `JWT.object`.
struct JWTObjectTests {
  private func read(_ text: String) -> JSONObject? {
    do throws(JWTError) {
      let bytes = Array(text.utf8)
      return try JWT.object(bytes.span)
    } catch {
      return nil
    }
  }

  @Test func `a flat object has texts and whole numbers`() throws {
    let object = try #require(read(#" { "a" : "x\n\u00e9\ud83d\ude00\/" , "b":-9223372036854775808,"":0 } "#))
    #expect(object["a"] == .string("x\né😀/"))
    #expect(object["b"] == .integer(.min))
    #expect(object[""] == .integer(0))
    #expect(object["c"] == nil)
    #expect(read("{}")?.members.isEmpty == true)
  }

  @Test(arguments: [
    "", "{", "}", "[]", "{}{}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 "b":2}"#, #"{"a":01}"#,
    #"{"a":-}"#, #"{"a":+1}"#, #"{"a":{}}"#, #"{"a":[1]}"#, #"{a:1}"#, #"{'a':1}"#, #"{"a":"\x"}"#,
    #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#, #"{"a":"\ud800\u0041"}"#, #"{"a":"\u12"}"#, #"{"a":"x}"#,
    "{\"a\":\"\n\"}", "{\"a\":1}\0", "\u{FEFF}{}", #"{"a":1,"a":1}"#,
  ])
  func `a text that is no flat object is refused`(text: String) {
    #expect(read(text) == nil)
  }

  @Test(arguments: ["1.0", "1e2", "9223372036854775808", "true", "null"])
  func `a claim with a fraction, a large number, a flag or null is refused`(value: String) {
    let claims = #"{"iss":"i","aud":"a","sub":"s","jti":"j","iat":1,"nbf":1,"exp":1,"a":"#
    #expect(throws: JWTError.malformed) {
      let bytes = Array((claims + value + "}").utf8)
      _ = try JWTClaims(payload: bytes.span)
    }
    #expect(throws: Never.self) {
      let bytes = Array((claims + "7}").utf8)
      _ = try JWTClaims(payload: bytes.span)
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    let bytes = Array(#"{"a":"X"}"#.utf8).map { $0 == UInt8(ascii: "X") ? 0xFF : $0 }
    #expect(throws: JWTError.malformed) { _ = try JWT.object(bytes.span) }
  }
}
