// One reader, which sends a request, waits for the answer, and sends the next. `Readers` counts the answers of all
// readers.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// A client that reads without a pause over its own connection.
final class Reader: HTTPSConnectionOwner, DeadlineHandler {
  /// The pause after a refusal without Retry-After, or after a broken connection.
  private static let pause = Duration.milliseconds(100)
  private static let longestPause = Duration.seconds(5)

  private let loop: EventLoop
  private let connection: HTTPSConnection
  private let heads: [HTTPRequestTemplate]
  private unowned let readers: Readers
  private var turn: Int
  private var sentAt: MonotonicTime?
  private var timer: TimerID?
  private var isStopped = false

  init(number: Int, loop: EventLoop, endpoint: HTTPSDestination, paths: [String], token: String?, readers: Readers) {
    self.loop = loop
    self.readers = readers
    turn = number
    connection = HTTPSConnection(loop: loop, destination: endpoint, buffers: HTTPSConnection.Buffers(), spread: number)
    heads = paths.map { path in
      HTTPRequestTemplate(
        own: .get, target: endpoint.url.path + path, authority: endpoint.url.authority,
        fields: token.map { [HTTPField("Authorization", "Bearer " + $0)] } ?? [])
    }
  }

  /// Sends the next request, or opens the connection first.
  func ask() {
    if isStopped { return }
    guard connection.isOpen else {
      do {
        try connection.open(identity: nil, owner: self)
      } catch {
        connectionLost(error)
      }
      return
    }
    sentAt = .now()
    connection.send(heads[turn % heads.count], [])
    turn += 1
  }

  /// Stops reading and closes the connection.
  func stop() {
    isStopped = true
    if let timer { loop.cancel(timer) }
    timer = nil
    if sentAt != nil { readers.leftOpen() }
    connection.close()
  }

  func connectionOpened(connect: Duration, handshake: Duration) { ask() }

  func connectionAnswered(_ answer: HTTPAnswer) {
    guard let sentAt else { preconditionFailure("an answer that nobody asked for") }
    self.sentAt = nil
    readers.read(answer, sentAt: sentAt)
    if answer.meaning == .accepted { ask() } else { rest(min(answer.retryAfter ?? Self.pause, Self.longestPause)) }
  }

  func connectionLost(_ loss: ConnectionLoss) {
    if sentAt != nil { readers.lost(loss) }
    sentAt = nil
    rest(Self.pause)
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    ask()
  }

  private func rest(_ pause: Duration) {
    if isStopped { return }
    timer = loop.schedule(self, at: .now() + pause)
  }
}
