// The client's side of HTTP/1.1 on one connection (RFC 9112), without input or output. `HTTPServerMachine` is the other
// side.
//
// The owner sends requests and passes on the received bytes; the machine returns the bytes to send and the events of
// the response. It handles one request at a time. The owner may send the next request after `.end` if the connection
// stays open (`isIdle`).
//
//   send(request) ─▶ bytes     bytes ─▶ .interim* ─▶ .head ─▶ .body* ─▶ .end ─▶ isIdle: the next request, or isClosed
//                                 └─▶ .fail: close the connection; the machine takes no more input

/// The reason why a response did not complete. The connection cannot be used again.
public enum HTTPClientError: Error, Sendable, Hashable {
  /// The response breaks a rule of HTTP/1.1 or passes a limit.
  case malformed(HTTPError)
  /// The server closed the connection before the first byte of a response.
  case closedUnanswered
  /// The server closed the connection after a part of the response.
  case closedWithinResponse
  /// The server sent bytes that answer no request.
  case unrequestedBytes
}

/// Turns requests into bytes, and received bytes into one response after the other.
public struct HTTPClientMachine: ~Copyable {
  /// What the machine finds in its input.
  public enum Event: Equatable {
    /// The machine needs more input, or the next request. It took all input unless it `isClosed`.
    case needInput
    /// The head of a 1xx response. The final head follows.
    case interim(HTTPResponseHead)
    /// The head of the final response.
    case head(HTTPResponseHead)
    /// Body data: indices into the given input, never empty. Without chunk framing.
    case body(Range<Int>)
    /// The response is complete.
    case end
    /// The response failed. This event comes once; the caller closes the connection.
    case fail(HTTPClientError)
  }

  private enum State {
    case idle  // no response is expected; → head
    case head  // → body, chunked, untilClose, bodyComplete, closed
    case body(remaining: Int)  // → bodyComplete, closed
    case chunked(ChunkedDecoder)  // → trailers, closed
    case trailers  // → idle, closed
    case untilClose(bytes: Int)  // → closed
    case bodyComplete  // `.end` is due; → idle, closed
    case closed
  }

  private let limits: HTTPLimits
  private var state = State.idle
  private var buffer = HTTPHeadBuffer()
  private var toHEAD = false
  private var keepAlive = true
  private var interimResponses = 0

  /// Makes a machine for a new connection. `limits.headBytes` must fit 32 bits.
  public init(limits: HTTPLimits = HTTPLimits()) {
    precondition(limits.headBytes <= Int(UInt32.max), "positions in a head are 32 bits")
    self.limits = limits
  }

  /// Whether no response is due, so that the client may send another request.
  public var isIdle: Bool {
    switch state {
    case .idle: true
    case .head, .body, .chunked, .trailers, .untilClose, .bodyComplete, .closed: false
    }
  }

  /// Whether the machine takes no more input. The connection can't be used any longer.
  public var isClosed: Bool {
    switch state {
    case .closed: true
    case .idle, .head, .body, .chunked, .trailers, .untilClose, .bodyComplete: false
    }
  }

  /// Bytes of memory held for an incomplete head or trailer section.
  public var allocatedBytes: Int { buffer.allocatedBytes }

  /// Appends the bytes of a request to `output` and expects its response. Only while `isIdle`.
  /// - Throws: a fault in the request's head. `output` and the machine are unchanged then.
  public mutating func send(_ request: HTTPRequest, to output: inout ByteBuffer) throws(HTTPEncodingError) {
    precondition(isIdle, "a request is sent while another one is unanswered, or after the connection's end")
    try request.encode(into: &output)
    expectResponse(toHEAD: request.method == .head)
  }

  /// Appends the head of a request to `output` and expects its response. Only while `isIdle`. The owner sends the
  /// `bodyBytes` bytes of the body behind the head, at once or in parts.
  public mutating func send(_ head: HTTPRequestTemplate, bodyBytes: Int, to output: inout ByteBuffer) {
    expectResponse(toHEAD: head.isHEAD)
    head.encode(bodyBytes: bodyBytes, into: &output)
  }

  /// Expects the response to a request whose bytes the owner makes itself. Only while `isIdle`.
  /// - Parameter toHEAD: whether the request is HEAD, whose response has no body.
  public mutating func expectResponse(toHEAD: Bool = false) {
    guard case .idle = state else { preconditionFailure("a response is expected while \(state)") }
    self.toHEAD = toHEAD
    interimResponses = 0
    state = .head
  }

  /// Returns the next event. Call it again with the same input until it returns `.needInput`. The parameters are those
  /// of `HTTPServerMachine.next`.
  public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch state {
    case .head: return nextOfHead(input, &position)
    case .body(let remaining):
      guard let range = take(remaining, of: input, &position) else { return .needInput }
      state = range.count == remaining ? .bodyComplete : .body(remaining: remaining - range.count)
      return .body(range)
    case .chunked(var decoder):
      let step = decoder.next(input, &position, limits: limits)
      state = .chunked(decoder)
      switch step {
      case .needInput: return .needInput
      case .data(let range): return .body(range)
      case .lastChunk:
        state = .trailers
        return nextOfTrailers(input, &position)
      case .malformed(let reason): return malformed(HTTPError(reason))
      }
    case .trailers: return nextOfTrailers(input, &position)
    case .untilClose(let bytes):
      // One byte more than the limit is enough to refuse the body.
      guard let range = take(limits.bodyBytes - bytes, of: input, &position) else {
        return position == input.count ? .needInput : malformed(HTTPError(.bodyTooLarge))
      }
      state = .untilClose(bytes: bytes + range.count)
      return .body(range)
    case .bodyComplete: return end()
    case .idle: return position == input.count ? .needInput : fail(.unrequestedBytes)
    case .closed: return .needInput
    }
  }

  /// Call it when the server has closed its side.
  /// - Returns: `.end`, `.fail`, or `.needInput` if no response was expected.
  public mutating func inputEnded() -> Event {
    switch state {
    case .untilClose, .bodyComplete:
      state = .closed
      return .end
    case .head:
      return fail(buffer.isEmpty && interimResponses == 0 ? .closedUnanswered : .closedWithinResponse)
    case .body, .chunked, .trailers: return fail(.closedWithinResponse)
    case .idle, .closed:
      state = .closed
      return .needInput
    }
  }

  private mutating func nextOfHead(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch buffer.collect(.head, input, &position, limits: limits) {
    case .needInput: return .needInput
    case .malformed(let reason): return malformed(HTTPError(reason))
    case .complete(let bytes):
      do throws(HTTPError) {
        let head = try HTTPResponseHead(parsing: bytes, toHEAD: toHEAD, limits: limits)
        if head.status.isInformational {
          if interimResponses == limits.interimResponses { return malformed(HTTPError(.unexpectedStatus)) }
          interimResponses += 1
          return .interim(head)
        }
        keepAlive = head.keepAlive
        switch head.framing {
        case .none, .length(0): state = .bodyComplete
        case .length(let length): state = .body(remaining: length)
        case .chunked: state = .chunked(ChunkedDecoder())
        case .untilClose: state = .untilClose(bytes: 0)
        }
        return .head(head)
      } catch {
        return malformed(error)
      }
    }
  }

  private mutating func nextOfTrailers(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch buffer.collect(.trailers, input, &position, limits: limits) {
    case .needInput: return .needInput
    case .malformed(let reason): return malformed(HTTPError(reason))
    case .complete(let bytes):
      do throws(HTTPError) {
        try HTTPTrailers.validate(bytes)
        return end()
      } catch {
        return malformed(error)
      }
    }
  }

  /// Takes up to `limit` bytes of the input; nil if there are none.
  private func take(_ limit: Int, of input: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
    let start = position
    position += min(limit, input.count - start)
    return position == start ? nil : start..<position
  }

  private mutating func end() -> Event {
    state = keepAlive ? .idle : .closed
    return .end
  }

  private mutating func malformed(_ error: HTTPError) -> Event { fail(.malformed(error)) }

  private mutating func fail(_ error: HTTPClientError) -> Event {
    state = .closed
    buffer.reset()
    return .fail(error)
  }
}
