// Sends requests slowly or in part, for the faults `slow-body` and `reset`.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// The way to send a request.
enum Delivery: Sendable, Equatable {
  case atOnce
  /// The head at once, and the body in pieces over this time.
  case slowly(Duration)
  /// The head and half of the body, followed by a reset of the connection.
  case cutOff
}

/// Sends requests of one connection slowly or in part. The owner calls `cancel` when the request is answered or the
/// connection is lost, because only an unanswered request may receive further pieces.
final class FaultyDelivery: DeadlineHandler {
  /// The number of pieces of a slow body.
  private static let pieces = 20
  /// The time for half a request to arrive. The reset would overtake it.
  private static let resetDelay: Duration = .milliseconds(20)

  private let loop: EventLoop
  private let connection: HTTPSConnection
  /// The part of the body that is not sent yet. Empty for a request that is cut off.
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

  /// Stops sending. Does nothing if nothing is left to send.
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
