// Requests that do not go out at once, because a fault wants the server to see them otherwise.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// How a request goes out.
enum Delivery: Sendable, Equatable {
  case atOnce
  /// The head at once and the body in pieces over this time.
  case slowly(Duration)
  /// The head and half of the body, and then a reset of the connection.
  case cutOff
}

/// Sends requests of one connection slowly, or in half. Whoever hears that the request is answered or the connection
/// lost calls `cancel`: only an unanswered request takes further pieces.
final class FaultyDelivery: DeadlineHandler {
  /// The number of pieces of a slow body.
  private static let pieces = 20
  /// How long half a request gets to arrive before the reset, which would overtake it.
  private static let resetDelay: Duration = .milliseconds(20)

  private let loop: EventLoop
  private let connection: HTTPSConnection
  /// Pieces still to be sent. Empty for a request that is to be cut off.
  private var rest: ArraySlice<UInt8> = []
  private var pieceBytes = 0
  private var interval = Duration.zero
  private var timer: TimerID?

  init(loop: EventLoop, connection: HTTPSConnection) {
    self.loop = loop
    self.connection = connection
  }

  func send(_ head: HTTPRequestTemplate, _ body: [UInt8], _ delivery: Delivery) {
    switch delivery {
    case .atOnce: connection.send(head, body)
    case .slowly(let time):
      rest = body[...]
      pieceBytes = body.count / Self.pieces + 1
      interval = time / Self.pieces
      connection.begin(head, [], of: body.count)
      if !rest.isEmpty { timer = loop.schedule(self, at: .now() + interval) }
    case .cutOff:
      rest = []
      connection.begin(head, body[..<(body.count / 2)], of: body.count)
      timer = loop.schedule(self, at: .now() + Self.resetDelay)
    }
  }

  /// Sends nothing more of the request. Harmless if nothing is to be sent.
  func cancel() {
    if let timer { loop.cancel(timer) }
    timer = nil
    rest = []
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    if rest.isEmpty { return connection.cutOff() }
    connection.sendMore(rest.prefix(pieceBytes))
    rest = rest.dropFirst(pieceBytes)
    if !rest.isEmpty { timer = loop.schedule(self, at: .now() + interval) }
  }
}
