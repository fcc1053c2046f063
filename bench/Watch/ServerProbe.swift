// Reads the server's /metrics each second, over a connection of its own.

internal import HTTPClient
internal import Protocol
internal import Reactor

final class ServerProbe: HTTPSConnectionOwner, DeadlineHandler {
  private static let interval: Duration = .seconds(1)

  private let loop: EventLoop
  private let connection: HTTPSConnection
  private let head: HTTPRequestTemplate
  private var timer: TimerID?
  private var isAsking = false
  private(set) var log = SampleLog<PrometheusPage>()
  /// The newest page, and when it came.
  private(set) var latest: SampleLog<PrometheusPage>.Sample?
  /// The first page that was asked for after `mark`: what later pages are compared with. A page of before would have what
  /// came before the measured part in it; with none at all, growth would be all that the server has ever counted.
  private(set) var marked: PrometheusPage?
  private var markedAt: MonotonicTime?
  private var askedAt = MonotonicTime(nanoseconds: 0)
  /// Why there is no page, from the last attempt.
  private(set) var trouble: String?

  /// - Parameter token: what `/metrics` asks for; empty if nothing.
  init(loop: EventLoop, endpoint: HTTPSDestination, token: String) {
    self.loop = loop
    connection = HTTPSConnection(loop: loop, destination: endpoint, buffers: HTTPSConnection.Buffers(), spread: 0)
    head = HTTPRequestTemplate(
      own: .get, target: endpoint.url.path + "/metrics", authority: endpoint.url.authority,
      fields: token.isEmpty ? [] : [HTTPField("Authorization", "Bearer " + token)])
  }

  /// Asks at once, and from then on each second.
  func start() { ask() }

  func stop() {
    if let timer { loop.cancel(timer) }
    timer = nil
    connection.close()
  }

  /// From now on counts.
  func mark() {
    markedAt = .now()
    ask()
  }

  /// Asks now, if it does not anyway.
  func ask() {
    if isAsking { return }
    isAsking = true
    if let timer { loop.cancel(timer) }
    timer = loop.schedule(self, at: .now() + Self.interval)
    if connection.isOpen { return send() }
    do {
      try connection.open(identity: nil, owner: self)
    } catch {
      connectionLost(error)
    }
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    if isAsking {  // the answer is slow: look again
      timer = loop.schedule(self, at: .now() + Self.interval)
    } else {
      ask()
    }
  }

  func connectionOpened(connect: Duration, handshake: Duration) {
    if isAsking { send() }
  }

  private func send() {
    askedAt = .now()
    connection.send(head, [])
  }

  func connectionAnswered(_ answer: HTTPAnswer) {
    isAsking = false
    guard answer.meaning == .accepted else {
      trouble = "/metrics answered \(answer.status.code) \(answer.slug)"
      return
    }
    trouble = nil
    let page = PrometheusPage(String(decoding: answer.body, as: UTF8.self))
    latest = SampleLog.Sample(at: .now(), value: page)
    log.offer(page, at: .now())
    guard let markedAt, marked == nil else { return }
    if askedAt >= markedAt { marked = page } else { ask() }
  }

  func connectionLost(_ loss: ConnectionLoss) {
    if isAsking { trouble = "/metrics: \(loss.slug)" }
    isAsking = false
  }
}
