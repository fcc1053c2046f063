import Protocol

/// The answer of an endpoint: a whole response, or a head whose body follows in parts.
enum EndpointAnswer: Sendable {
  case complete(HTTPResponse)
  /// A problem, with its response.
  case refused(Problem, HTTPResponse)
  /// A head and a body that is still being produced. If the pipe breaks, the body is cut off and the connection closed.
  case streamed(head: HTTPResponse, BodyPipe)

  /// Status and header fields, with the body only if it is complete.
  var response: HTTPResponse {
    switch self {
    case .complete(let response), .refused(_, let response), .streamed(let response, _): response
    }
  }
}
