// A request that has been admitted and whose body is complete. The handlers on the cooperative pool get it.

import Protocol

struct AdmittedRequest: Sendable {
  let head: HTTPRequestHead
  /// The values of the path's parameters.
  let path: PathParameters
  /// The body without content coding. Empty if the endpoint answers from the head.
  let body: [UInt8]
}

/// An admitted request whose query and body have been decoded.
struct EndpointRequest<Query: QueryParameters, Body: RequestInput>: Sendable {
  let head: HTTPRequestHead
  let path: PathParameters
  let query: Query
  let body: Body
}

/// The circumstances of a request, for its handler.
struct RequestContext: Sendable {
  /// The settings at the time when the head was complete. Handlers use only these, because an object that was built at
  /// the start could hold outdated ones.
  let settings: Settings
  let principal: Principal
  let requestID: String
  /// The client's address without the port.
  let peerAddress: String
  /// The certificate of the connection, trusted or not. `principal` is the verified identity.
  let peerCertificate: Certificate?
  /// When the head was complete.
  let now: Timestamp
  /// Tells when the client has gone away, so that long work can stop.
  var departure = Departure()

  /// The user who calls, for endpoints whose access rule demands a user.
  func user() throws(Problem) -> Principal.User {
    guard case .user(let user) = principal else { throw Problem(.unauthenticated) }
    return user
  }
}
