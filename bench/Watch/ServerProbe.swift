// Reads the server's /metrics each second, over its own connection.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// Collects pages of `/metrics`.
final class ServerProbe: HTTPSConnectionOwner, DeadlineHandler {
  private static let interval: Duration = .seconds(1)

  private let loop: EventLoop
  private let connection: HTTPSConnection
  private let head: HTTPRequestTemplate
  private var timer: TimerID?
  private var isAsking = false
  private(set) var log = SampleLog<PrometheusPage>()
  /// The newest page and the time of its arrival.
  private(set) var latest: SampleLog<PrometheusPage>.Sample?
  /// The first page that was requested after `mark`. Later pages are compared with it. An earlier page would include
  /// work from before the measured part, and without any page the growth would be the server's total counts.
  private(set) var marked: PrometheusPage?
  private var markedAt: MonotonicTime?
  private var askedAt = MonotonicTime(nanoseconds: 0)
  /// The reason why the last attempt has brought no page; nil if it has.
  private(set) var trouble: String?

  /// - Parameter token: the bearer token for `/metrics`; empty for none.
  init(loop: EventLoop, endpoint: HTTPSDestination, token: String) {
    self.loop = loop
    connection = HTTPSConnection(loop: loop, destination: endpoint, buffers: HTTPSConnection.Buffers(), spread: 0)
    head = HTTPRequestTemplate(
      own: .get, target: endpoint.url.path + "/metrics", authority: endpoint.url.authority,
      fields: token.isEmpty ? [] : [HTTPField("Authorization", "Bearer " + token)])
  }

  /// Requests a page now and then each second.
  func start() { ask() }

  func stop() {
    if let timer { loop.cancel(timer) }
    timer = nil
    connection.close()
  }

  /// Marks the start of the measured part, and requests a page.
  func mark() {
    markedAt = .now()
    ask()
  }

  /// Requests a page now, unless a request is unanswered.
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
    if isAsking {  // the answer is slow: wait another second
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
