// The place of the page that made a browser send a request. A browser adds cookies to the requests of any page, so an
// endpoint that accepts a cookie asks whose page it is.

import Protocol

/// The origin that a request names, compared with the server's own.
enum RequestOrigin: Equatable, Sendable {
  /// A page of this server.
  case own
  /// Another page, or a client that does not tell.
  case foreign

  /// The server's own origin is `https` with the request's `Host`. A browser sends `Origin` with each POST; if a proxy
  /// has removed it, `Sec-Fetch-Site` decides. No page can set or change these fields.
  init(_ head: HTTPRequestHead) {
    let origins = head.all(named: "origin")
    if origins.isEmpty {
      self = head.string(named: "sec-fetch-site") == "same-origin" ? .own : .foreign
      return
    }
    guard origins.count == 1, let origin = head.string(named: "origin"), let host = head.string(named: "host") else {
      self = .foreign
      return
    }
    self = origin.lowercased() == "https://\(host.lowercased())" ? .own : .foreign
  }
}

extension HTTPRequestHead {
  /// Refuses a request of another server's page. - Throws: `.foreignOrigin`
  func requireOwnOrigin() throws(Problem) {
    if RequestOrigin(self) == .foreign {
      throw Problem(.foreignOrigin, "`Origin` must be https:// and the value of `Host`")
    }
  }
}

extension Endpoint.RequestField {
  static let origin = Endpoint.RequestField(
    name: "Origin", schema: .string,
    prose: "With the session's cookie: the server's own origin. Browsers send it by themselves.")
}
