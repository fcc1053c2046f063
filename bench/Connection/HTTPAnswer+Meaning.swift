// The answers of a pgAnalytics server as a client of its API reads them.

internal import HTTPClient
internal import Protocol

extension HTTPSURL {
  /// The request target of an endpoint. - Parameter path: what follows `/api/v1/`.
  func target(_ path: String) -> String { self.path + "/api/v1/" + path }
}

extension HTTPAnswer {
  /// The body, if it is a JSON object.
  var object: JSONObject? {
    do {
      guard case .object(let object) = try JSONValue.parse(body.span) else { return nil }
      return object
    } catch {
      return nil
    }
  }

  /// The server's name for its refusal: the member `error` of the body.
  var slug: String {
    if case .string(let slug)? = object?["error"] { return slug }
    return "unnamed"
  }

  /// Seen from a client that wants its request done in the end.
  var meaning: Meaning {
    switch status.code {
    case 200, 201: .accepted
    case 401: .unauthorized
    case 503: .unavailable
    case 408, 425, 429, 500...599: .deferred
    default: .refused
    }
  }

  enum Meaning: Equatable, Sendable {
    case accepted
    /// A new token may help.
    case unauthorized
    /// Not now: the server is overloaded, starting or going down.
    case unavailable
    /// Not now, for another reason.
    case deferred
    /// Never.
    case refused
  }
}
