import Protocol

/// What an endpoint answers with: a whole response, or a head whose body follows as it is made.
enum EndpointAnswer: Sendable {
  case complete(HTTPResponse)
  /// A problem, as its response.
  case refused(Problem, HTTPResponse)
  /// The body is cut off, and the connection with it, if the pipe breaks.
  case streamed(head: HTTPResponse, BodyPipe)

  /// Status and fields; the body only if it is whole.
  var response: HTTPResponse {
    switch self {
    case .complete(let response), .refused(_, let response), .streamed(let response, _): response
    }
  }
}
