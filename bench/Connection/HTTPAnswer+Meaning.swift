// The answers of a pgAnalytics server in the terms of its API.

internal import HTTPClient
internal import Protocol

extension HTTPSURL {
  /// Returns the request target of an endpoint.
  /// - Parameter path: the part behind `/api/v1/`.
  func target(_ path: String) -> String { self.path + "/api/v1/" + path }
}

extension HTTPAnswer {
  /// The body as a JSON object; nil if it is none.
  var object: JSONObject? {
    do {
      guard case .object(let object) = try JSONValue.parse(body.span) else { return nil }
      return object
    } catch {
      return nil
    }
  }

  /// The server's name for the refusal: the member `error` of the body.
  var slug: String {
    if case .string(let slug)? = object?["error"] { return slug }
    return "unnamed"
  }

  /// The meaning of the answer for a client that repeats its request until it succeeds.
  var meaning: Meaning {
    switch status.code {
    case 200, 201: .accepted
    case 401: .unauthorized
    case 503: .unavailable
    case 408, 425, 429, 500...599: .deferred
    default: .refused
    }
  }

  /// The next step that an answer suggests.
  enum Meaning: Equatable, Sendable {
    case accepted
    /// The token is refused; the request may succeed with a new one.
    case unauthorized
    /// The server does not take the request now: it is overloaded, starting or shutting down.
    case unavailable
    /// The server does not take the request now, for another reason.
    case deferred
    /// The server will never take the request.
    case refused
  }
}
