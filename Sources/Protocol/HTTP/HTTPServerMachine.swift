// The server's half of HTTP/1.1 on one connection (RFC 9112), without input or output.
//
// The caller holds the plaintext of one read and asks for the next event. Body events are index ranges of that input,
// so no body byte is copied. There is one request at a time: after `.end` the machine takes nothing until the caller
// has answered. So the server reads no further requests meanwhile, and a client that pipelines without end fills the
// buffer of its socket and not the server's memory.
//
//   bytes ─▶ .head ─▶ .body* ─▶ .end ─▶ (the caller answers) ─▶ responseFinished() ─▶ next head, or closed
//                        └─▶ .reject: answer `error.status`, close; the machine takes nothing more

/// Turns received bytes into a sequence of requests.
public struct HTTPServerMachine: ~Copyable {
  /// What the machine finds in its input.
  public enum Event: Equatable {
    /// There is no event now: the caller gives more input, or answers first. The machine took all input unless an
    /// answer is due or `isClosed`.
    case needInput
    /// A request begins.
    case head(HTTPRequestHead)
    /// Body data: indices into the given input, never empty. Chunk framing is removed.
    case body(Range<Int>)
    /// The request is complete. This event follows each `.head` unless the caller answers early.
    case end
    /// The client broke a rule, in the head or in the body. This event comes once.
    case reject(HTTPError)
  }

  /// What happens to the connection after an answer.
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
  /// The properties of the request that the encoder of the answer needs. They are valid until the next `.head`.
  public private(set) var exchange = HTTPExchange()
  /// Bytes of body data that the machine has reported for the current request.
  public private(set) var bodyBytesReceived = 0

  /// Makes a machine for a new connection. `limits.headBytes` must fit 32 bits.
  public init(limits: HTTPLimits = HTTPLimits()) {
    precondition(limits.headBytes <= Int(UInt32.max), "positions in a head are 32 bits")
    self.limits = limits
  }

  /// Sets the limits for later requests. Only while `isIdle`, because a head keeps the limits that it began with.
  public mutating func apply(_ limits: HTTPLimits) {
    precondition(isIdle, "a request keeps its limits")
    precondition(limits.headBytes <= Int(UInt32.max), "positions in a head are 32 bits")
    self.limits = limits
  }

  /// Whether the connection is between two requests and no byte of the next head has arrived. The idle deadline then
  /// applies.
  public var isIdle: Bool {
    switch state {
    case .head: buffer.isEmpty
    case .body, .chunked, .trailers, .bodyComplete, .answering, .closed: false
    }
  }

  /// Whether a head has begun and is incomplete. The head deadline then applies.
  public var isReadingHead: Bool {
    switch state {
    case .head: !buffer.isEmpty
    case .body, .chunked, .trailers, .bodyComplete, .answering, .closed: false
    }
  }

  /// Whether a body is incomplete. The body deadline then applies.
  public var isReadingBody: Bool {
    switch state {
    case .body, .chunked, .trailers: true
    case .head, .bodyComplete, .answering, .closed: false
    }
  }

  /// Whether the machine takes no more input: after `.reject`, or after `responseFinished()` returned `.close`.
  public var isClosed: Bool {
    switch state {
    case .closed: true
    case .head, .body, .chunked, .trailers, .bodyComplete, .answering: false
    }
  }

  /// Bytes of memory held for an incomplete head or trailer section; 0 between requests.
  public var allocatedBytes: Int { buffer.allocatedBytes }
  /// All bytes that the search for the end of a head has examined; for a test.
  package var headBytesExamined: Int { buffer.bytesExamined }

  /// Returns the next event. Call it again with the same input until it returns `.needInput`.
  /// - Parameters:
  ///   - input: the received plaintext. The caller may drop the bytes before `position` between calls.
  ///   - position: where to go on. The machine moves it past the bytes that it took.
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

  /// Call it when the answer to the current request is written or given up.
  ///
  /// It may be called as soon as `.head` has come, to answer early. If the body is incomplete then, the result is
  /// `.close`: the rest of the body could be taken for a request, and after `Expect: 100-continue` the body may never
  /// come. The result is also `.close` before a head (for example after a head deadline) and after `.reject`.
  /// - Returns: whether the connection stays open.
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
