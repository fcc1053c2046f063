// The closed list of reasons for which a request can be refused. Everything that a client reads about a refusal is
// written here, or in the endpoint that adds `details`. Details of internal errors are only for the log.

import Protocol

/// A refusal, in JSON `{"code", "error", "message", "details"?, "request_id"}`.
struct Problem: Error, Equatable, Sendable {
  var kind: Kind
  /// What exactly was wrong, for the client. It contains no internals.
  var details: String?
  /// Why the server failed, only for the log.
  var cause: String?
  /// The value of `Retry-After`, in seconds.
  var retryAfterSeconds: Int?
  /// Further header fields of the response: `Allow`, `WWW-Authenticate`.
  var fields: [HTTPField] = []

  init(
    _ kind: Kind, _ details: String? = nil, cause: String? = nil, retryAfterSeconds: Int? = nil,
    fields: [HTTPField] = []
  ) {
    self.kind = kind
    self.details = details
    self.cause = cause
    self.retryAfterSeconds = retryAfterSeconds
    self.fields = fields
  }

  /// The same problem with another header field of the response.
  func adding(_ field: HTTPField) -> Problem {
    var problem = self
    problem.fields.append(field)
    return problem
  }

  /// The raw value is the slug in the answer. It is stable, because clients compare it.
  enum Kind: String, CaseIterable, Sendable {
    // Faults of the HTTP message
    case malformedRequest = "malformed_request"
    case plainHTTP = "plain_http"
    case proxyHeaderUnexpected = "proxy_header_unexpected"
    case requestTimeout = "request_timeout"
    case headTooLarge = "head_too_large"
    case targetTooLong = "target_too_long"
    case bodyTooLarge = "body_too_large"
    case unsupportedExpectation = "unsupported_expectation"
    case unsupportedTransferCoding = "unsupported_transfer_coding"
    case unsupportedHTTPVersion = "unsupported_http_version"

    // Faults of the request's content
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case unsupportedMediaType = "unsupported_media_type"
    case unsupportedContentCoding = "unsupported_content_coding"
    case notAcceptable = "not_acceptable"
    case invalidCompression = "invalid_compression"
    case invalidJSON = "invalid_json"
    case invalidQuery = "invalid_query"
    case validationFailed = "validation_failed"
    case idempotencyKeyReused = "idempotency_key_reused"
    case wrongPassword = "wrong_password"
    case conflict = "conflict"
    case alreadyEnrolled = "already_enrolled"
    case renewalTooEarly = "renewal_too_early"
    case lastAdmin = "last_admin"
    case preconditionFailed = "precondition_failed"

    // Faults of the caller's identity or rights
    case unauthenticated = "unauthenticated"
    case invalidToken = "invalid_token"
    case malformedToken = "malformed_token"
    case unsupportedAlgorithm = "unsupported_algorithm"
    case unknownKey = "unknown_key"
    case badSignature = "bad_signature"
    case wrongIssuer = "wrong_issuer"
    case wrongAudience = "wrong_audience"
    case missingClaim = "missing_claim"
    case tokenNotYetValid = "token_not_yet_valid"
    case expiredToken = "expired_token"
    case reusedToken = "reused_token"
    case tokenRevoked = "token_revoked"
    case sessionEnded = "session_ended"
    case invalidCredentials = "invalid_credentials"
    case invalidRegistrationSecret = "invalid_registration_secret"
    case secretUnknown = "secret_unknown"
    case secretExpired = "secret_expired"
    case secretExhausted = "secret_exhausted"
    case secretRevoked = "secret_revoked"
    case tokenRefused = "token_refused"
    case foreignOrigin = "foreign_origin"
    case insufficientRole = "insufficient_role"
    case certificateRequired = "certificate_required"
    case certificateUnknown = "certificate_unknown"
    case certificateRevoked = "certificate_revoked"
    case certificateExpired = "certificate_expired"
    case identityMismatch = "identity_mismatch"
    case collectorRevoked = "collector_revoked"
    case accountInactive = "account_inactive"

    // Reasons on the server's side
    case rateLimited = "rate_limited"
    case accountLocked = "account_locked"
    case internalError = "internal_error"
    case overloaded = "overloaded"
    case databaseUnavailable = "database_unavailable"
    case outcomeUnknown = "outcome_unknown"
    case shuttingDown = "shutting_down"
  }
}

extension Problem.Kind {
  var slug: String { rawValue }

  var status: HTTPStatus {
    switch self {
    case .malformedRequest, .plainHTTP, .proxyHeaderUnexpected, .invalidCompression, .invalidJSON, .invalidQuery:
      .badRequest
    case .unauthenticated, .invalidToken, .malformedToken, .unsupportedAlgorithm, .unknownKey, .badSignature,
      .wrongIssuer, .wrongAudience, .missingClaim, .tokenNotYetValid, .expiredToken, .reusedToken, .tokenRevoked,
      .sessionEnded,
      .invalidCredentials, .invalidRegistrationSecret:
      .unauthorized
    case .secretUnknown, .secretExpired, .secretExhausted, .secretRevoked, .tokenRefused, .foreignOrigin,
      .insufficientRole, .certificateRequired, .certificateUnknown, .certificateRevoked, .certificateExpired,
      .identityMismatch,
      .collectorRevoked, .accountInactive:
      .forbidden
    case .notFound: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .notAcceptable: .notAcceptable
    case .requestTimeout: .requestTimeout
    case .conflict, .alreadyEnrolled, .renewalTooEarly, .lastAdmin: .conflict
    case .preconditionFailed: .preconditionFailed
    case .bodyTooLarge: .contentTooLarge
    case .targetTooLong: .uriTooLong
    case .unsupportedMediaType, .unsupportedContentCoding: .unsupportedMediaType
    case .unsupportedExpectation: .expectationFailed
    case .validationFailed, .idempotencyKeyReused, .wrongPassword: .unprocessableContent
    case .rateLimited, .accountLocked: .tooManyRequests
    case .headTooLarge: .requestHeaderFieldsTooLarge
    case .internalError: .internalServerError
    case .unsupportedTransferCoding: .notImplemented
    case .overloaded, .databaseUnavailable, .outcomeUnknown, .shuttingDown: .serviceUnavailable
    case .unsupportedHTTPVersion: .httpVersionNotSupported
    }
  }

  /// The sentence in the answer and in the documentation.
  var message: String {
    switch self {
    case .malformedRequest: "The request breaks the rules of HTTP/1.1."
    case .plainHTTP: "This port speaks HTTPS, and the request came without TLS; use https:// in its URL."
    case .proxyHeaderUnexpected:
      "A PROXY protocol header is accepted only from addresses in proxy_protocol_from; this address is not one of them."
    case .requestTimeout: "The request did not arrive in time."
    case .headTooLarge: "The header fields are too large or too many."
    case .targetTooLong: "The request target is longer than \(HTTPLimits().targetBytes) bytes."
    case .bodyTooLarge: "The body is too large."
    case .unsupportedExpectation: "The expectation cannot be met."
    case .unsupportedTransferCoding: "Only the chunked transfer coding is supported."
    case .unsupportedHTTPVersion: "Only HTTP/1.0 and HTTP/1.1 are supported."
    case .notFound: "There is no resource with this name."
    case .methodNotAllowed: "The resource does not support this method."
    case .unsupportedMediaType: "The body's media type is not supported here."
    case .unsupportedContentCoding: "The body's content coding is not supported here."
    case .notAcceptable: "None of the media types the client accepts can be produced."
    case .invalidCompression: "The body is not one complete gzip member."
    case .invalidJSON: "The body is not well-formed JSON."
    case .invalidQuery: "A query parameter is missing, unknown or not valid."
    case .validationFailed: "A field of the body is missing, unknown or not valid."
    case .idempotencyKeyReused: "The Idempotency-Key was used for a push of other metrics."
    case .wrongPassword: "The current password is wrong."
    case .lastAdmin: "There must be an active administrator, and this is the last one."
    case .conflict: "The request conflicts with what is stored."
    case .alreadyEnrolled: "The host is enrolled already."
    case .renewalTooEarly: "The certificate is too young to be renewed."
    case .preconditionFailed: "A condition of the request does not hold."
    case .unauthenticated: "The request needs valid credentials."
    case .invalidToken: "This server did not issue the token."
    case .malformedToken: "The token does not have the form of this server's tokens."
    case .unsupportedAlgorithm: "The token is not signed with HS256."
    case .unknownKey: "The token names an unknown signing key."
    case .badSignature: "The token's signature is wrong."
    case .wrongIssuer: "The token has another issuer."
    case .wrongAudience: "The token is for another audience."
    case .missingClaim: "The token lacks a claim."
    case .tokenNotYetValid: "The token is not valid yet."
    case .expiredToken: "The token has expired."
    case .sessionEnded: "The session has ended; log in again."
    case .reusedToken: "The refresh token was used before; its session is revoked."
    case .tokenRevoked: "The API token was revoked, or its owner is not active."
    case .invalidCredentials: "The user name or the password is wrong."
    case .invalidRegistrationSecret: "The registration secret is missing."
    case .secretUnknown: "There is no such registration secret."
    case .secretExpired: "The registration secret has expired."
    case .secretExhausted: "The registration secret was used as often as it may be."
    case .secretRevoked: "The registration secret was revoked."
    case .tokenRefused: "The token is not accepted here."
    case .foreignOrigin: "Only pages of this server may use the session's cookie."
    case .insufficientRole: "The caller's role does not permit this."
    case .certificateRequired: "A trusted client certificate is required."
    case .certificateUnknown: "The certificate was never issued to this collector."
    case .certificateRevoked: "The certificate was revoked."
    case .certificateExpired: "The certificate has expired."
    case .identityMismatch: "Certificate, token and request do not name the same collector."
    case .collectorRevoked: "The collector was revoked."
    case .accountInactive: "The account is inactive."
    case .rateLimited: "Too many requests; try again later."
    case .accountLocked: "Too many failed logins; try again later."
    case .internalError: "The server failed; the request id finds the reason in its log."
    case .overloaded: "The server has more work than it can do; try again later."
    case .databaseUnavailable: "The database is not available; try again later."
    case .outcomeUnknown: "The database did not answer in time; the request may have taken effect. Send it again."
    case .shuttingDown: "The server is shutting down; try again later."
    }
  }
}

extension Problem {
  /// The refusal as a response. It is JSON even if the client does not accept JSON, because that is better than no
  /// answer.
  func response(requestID: String) -> HTTPResponse {
    var json = JSONWriter()
    json.object { json in
      json.member("code", kind.status.code)
      json.member("error", kind.slug)
      json.member("message", kind.message)
      if let details { json.member("details", details) }
      json.member("request_id", requestID)
    }
    let body = json.finish()
    var fields = fields
    fields.append(HTTPField("Content-Type", MediaType.json.description))
    if let retryAfterSeconds { fields.append(HTTPField("Retry-After", String(retryAfterSeconds))) }
    if kind.status == .unauthorized, !fields.contains(where: { $0.name == "WWW-Authenticate" }) {
      // RFC 9110 §11.6.1: a 401 has to name a challenge.
      fields.append(HTTPField("WWW-Authenticate", #"Bearer realm="pganalytics""#))
    }
    return HTTPResponse(status: kind.status, fields: fields, body: body.withUnsafeBytes { Array($0) })
  }
}
