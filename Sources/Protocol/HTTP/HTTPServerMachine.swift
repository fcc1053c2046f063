// The server's half of HTTP/1.1 on one connection (RFC 9112), without input or output.
//
// Pull model: the owner holds the plaintext of one read and asks for the next event; body events are index ranges of that
// input, so no body byte is copied. One request at a time: after `.end` nothing is taken until the owner has answered, so
// pipelined bytes stay where they were and cost a malicious client its own socket buffer, not our memory.
//
//   bytes ─▶ .head ─▶ .body* ─▶ .end ─▶ (owner answers) ─▶ responseFinished() ─▶ next head, or closed
//                        └─▶ .reject: answer `error.status`, close; nothing is taken ever after

/// Turns received bytes into one request after the other.
public struct HTTPServerMachine: ~Copyable {
  public enum Event: Equatable {
    /// Nothing more can be said now: give more input, or answer first. All input was taken unless an answer is due
    /// or `isClosed`.
    case needInput
    case head(HTTPRequestHead)
    /// Body data: indices into the given input, never empty. Without chunk framing.
    case body(Range<Int>)
    /// The body is complete. Follows each `.head` that is not answered early.
    case end
    /// The peer broke a rule, at the head or within the body. Comes once.
    case reject(HTTPError)
  }

  public enum Disposition: Equatable, Sendable {
    case keepAlive
    case close
  }

  private enum State {
    case head  // → body, chunked, bodyComplete, closed
    case body(remaining: Int)  // → bodyComplete, closed
    case chunked(ChunkedDecoder)  // → trailers, closed
    case trailers  // → bodyComplete, closed
    case bodyComplete  // `.end` is due; → answering, head, closed
    case answering  // `.end` was given; → head, closed
    case closed
  }

  private var limits: HTTPLimits
  private var state = State.head
  private var buffer = HTTPHeadBuffer()
  private var keepAlive = true
  /// What the encoder of the answer must know of the request. Holds until the next `.head`.
  public private(set) var exchange = HTTPExchange()
  /// Body data of the current request given out so far, in bytes.
  public private(set) var bodyBytesReceived = 0

  public init(limits: HTTPLimits = HTTPLimits()) {
    precondition(limits.headBytes <= Int(UInt32.max), "positions in a head are 32 bits")
    self.limits = limits
  }

  /// For the requests to come. Only while it `isIdle`: a head that was begun is counted by the limits it began with.
  public mutating func use(_ limits: HTTPLimits) {
    precondition(isIdle, "a request keeps its limits")
    precondition(limits.headBytes <= Int(UInt32.max), "positions in a head are 32 bits")
    self.limits = limits
  }

  /// Between two requests, no byte of the next head seen: the idle deadline counts, not the head deadline.
  public var isIdle: Bool {
    switch state {
    case .head: buffer.isEmpty
    case .body, .chunked, .trailers, .bodyComplete, .answering, .closed: false
    }
  }

  /// A head was begun and is not complete: the head deadline counts.
  public var isReadingHead: Bool {
    switch state {
    case .head: !buffer.isEmpty
    case .body, .chunked, .trailers, .bodyComplete, .answering, .closed: false
    }
  }

  /// A body is expected: the body deadline counts.
  public var isReadingBody: Bool {
    switch state {
    case .body, .chunked, .trailers: true
    case .head, .bodyComplete, .answering, .closed: false
    }
  }

  /// After `.reject`, or after `responseFinished()` said `.close`. Nothing is taken any more.
  public var isClosed: Bool {
    switch state {
    case .closed: true
    case .head, .body, .chunked, .trailers, .bodyComplete, .answering: false
    }
  }

  /// Bytes of memory held for an incomplete head or trailer section; 0 between requests.
  public var allocatedBytes: Int { buffer.allocatedBytes }
  package var headBytesExamined: Int { buffer.bytesExamined }

  /// The next event. Call again with the same input until `.needInput`.
  /// - Parameters:
  ///   - input: the plaintext in hand; what lies before `position` was taken and may be dropped between calls.
  ///   - position: where to go on; moved past what was taken.
  public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch state {
    case .head: return nextOfHead(input, &position)
    case .body(let remaining): return nextOfBody(input, &position, remaining)
    case .chunked(var decoder):
      let step = decoder.next(input, &position, limits: limits)
      state = .chunked(decoder)
      switch step {
      case .needInput: return .needInput
      case .data(let range):
        bodyBytesReceived += range.count
        return .body(range)
      case .lastChunk:
        state = .trailers
        return nextOfTrailers(input, &position)
      case .malformed(let reason): return reject(HTTPError(reason))
      }
    case .trailers: return nextOfTrailers(input, &position)
    case .bodyComplete:
      state = .answering
      return .end
    case .answering, .closed: return .needInput
    }
  }

  /// The answer to the current request is written (or its fate decided): what becomes of the connection?
  ///
  /// May be called as soon as `.head` was given, to answer early. A body that is not read by then is never read:
  /// `.close`, for its bytes could be taken for a request (and with `Expect: 100-continue` they may never come).
  /// Before a head, as after a head deadline, and after `.reject`: `.close`.
  public mutating func responseFinished() -> Disposition {
    switch state {
    case .bodyComplete, .answering:
      if keepAlive {
        state = .head
        return .keepAlive
      }
      close()
    case .head, .body, .chunked, .trailers, .closed: close()
    }
    return .close
  }

  private mutating func nextOfHead(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch buffer.collect(.head, input, &position, limits: limits) {
    case .needInput: return .needInput
    case .malformed(let reason): return reject(HTTPError(reason))
    case .complete(let bytes):
      do throws(HTTPError) {
        let head = try HTTPRequestHead(parsing: bytes, limits: limits)
        keepAlive = head.keepAlive
        exchange = HTTPExchange(isHEAD: head.method == .head, minorVersion: head.minorVersion)
        bodyBytesReceived = 0
        switch head.framing {
        case .none, .length(0): state = .bodyComplete
        case .length(let length): state = .body(remaining: length)
        case .chunked: state = .chunked(ChunkedDecoder())
        case .untilClose: preconditionFailure("no request is framed by the end of the connection")
        }
        return .head(head)
      } catch {
        return reject(error)
      }
    }
  }

  private mutating func nextOfBody(_ input: Span<UInt8>, _ position: inout Int, _ remaining: Int) -> Event {
    let start = position
    if start == input.count { return .needInput }
    position += min(remaining, input.count - start)
    let rest = remaining - (position - start)
    state = rest == 0 ? .bodyComplete : .body(remaining: rest)
    bodyBytesReceived += position - start
    return .body(start..<position)
  }

  private mutating func nextOfTrailers(_ input: Span<UInt8>, _ position: inout Int) -> Event {
    switch buffer.collect(.trailers, input, &position, limits: limits) {
    case .needInput: return .needInput
    case .malformed(let reason): return reject(HTTPError(reason))
    case .complete(let bytes):
      do throws(HTTPError) {
        try HTTPTrailers.validate(bytes)
        state = .answering
        return .end
      } catch {
        return reject(error)
      }
    }
  }

  private mutating func reject(_ error: HTTPError) -> Event {
    close()
    return .reject(error)
  }

  private mutating func close() {
    state = .closed
    buffer.reset()
  }
}
