// A request whose sender was admitted and whose body is complete: what the handlers of endpoints get.

import Protocol

struct AdmittedRequest: Sendable {
  let head: HTTPRequestHead
  /// Of the path's pattern.
  let path: PathParameters
  /// Without content coding. Empty if the endpoint answers from the head.
  let body: [UInt8]
}

/// An admitted request whose query and body were read.
struct EndpointRequest<Query: QueryParameters, Body: RequestInput>: Sendable {
  let head: HTTPRequestHead
  let path: PathParameters
  let query: Query
  let body: Body
}

/// What a handler may know of the circumstances.
struct RequestContext: Sendable {
  /// As they were when the head was complete. Handlers have no other: one that is built at the start can't keep old ones.
  let settings: Settings
  let principal: Principal
  let requestID: String
  /// Without the port.
  let peerAddress: String
  /// What the connection showed, trusted or not: `principal` is what counts.
  let peerCertificate: Certificate?
  /// When the head was complete.
  let now: Timestamp
  /// Of the client: for work that is too long to be done for nobody.
  var departure = Departure()

  /// The person who calls, for endpoints whose access is a user's.
  func user() throws(Problem) -> Principal.User {
    guard case .user(let user) = principal else { throw Problem(.unauthenticated) }
    return user
  }
}
