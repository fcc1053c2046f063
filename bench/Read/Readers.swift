// All readers of a run, on the loop of the thread that watches it. They log in once, and begin together with the
// pushes.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// Logs in, starts and ends the readers, and counts their answers.
final class Readers: HTTPSConnectionOwner {
  private let plan: ReadPlan
  private let endpoint: HTTPSDestination
  private let loop: EventLoop
  private let connection: HTTPSConnection
  private var readers: [Reader] = []
  private var token: String?
  private var times: RunTimes?
  private var isLoggedIn = false
  private var isEnded = false
  private(set) var figures = ReadFigures()

  /// Begins to log in.
  init(plan: ReadPlan, endpoint: HTTPSDestination, loop: EventLoop) {
    (self.plan, self.endpoint, self.loop) = (plan, endpoint, loop)
    connection = HTTPSConnection(loop: loop, destination: endpoint, buffers: HTTPSConnection.Buffers(), spread: 0)
    if plan.login == nil {
      isLoggedIn = true
      return
    }
    do {
      try connection.open(identity: nil, owner: self)
    } catch {
      connectionLost(error)
    }
  }

  /// Starts the readers. Only the first call has an effect.
  func begin(_ times: RunTimes) {
    if self.times != nil { return }
    self.times = times
    beginIfReady()
  }

  /// Ends all readers. Unanswered requests are given up.
  func end() {
    if isEnded { return }
    isEnded = true
    for reader in readers { reader.stop() }
    connection.close()
    if !isLoggedIn, figures.trouble == nil { figures.trouble = "the login was not answered" }
  }

  private func beginIfReady() {
    guard times != nil, isLoggedIn, readers.isEmpty, !isEnded else { return }
    readers = (0..<plan.readers).map {
      Reader(number: $0, loop: loop, endpoint: endpoint, paths: plan.paths, token: token, readers: self)
    }
    for reader in readers { reader.ask() }
  }

  // MARK: Calls from readers

  /// Whether an answer counts that arrives now. It does not matter when its request was sent: otherwise a short run
  /// would count too few long reads.
  private var isMeasured: Bool { times.map { .now() >= $0.measureStart } ?? false }

  func read(_ answer: HTTPAnswer, sentAt: MonotonicTime) {
    if !isMeasured { return }
    guard answer.meaning == .accepted else {
      figures.errors["\(answer.status.code) \(answer.slug)", default: 0] += 1
      return
    }
    figures.answered += 1
    figures.bytes += answer.body.count
    figures.latency.record(sentAt.duration(to: .now()))
  }

  func lost(_ loss: ConnectionLoss) {
    if isMeasured, loss.isFault { figures.errors["connection \(loss.slug)", default: 0] += 1 }
  }

  func leftOpen() { figures.open += 1 }

  // MARK: The login

  func connectionOpened(connect: Duration, handshake: Duration) {
    guard let login = plan.login else { return }
    var json = JSONWriter()
    json.object { json in
      json.member("username", login.username)
      json.member("password", login.password)
    }
    let head = HTTPRequestTemplate(
      own: .post, target: endpoint.url.target("auth/login"), authority: endpoint.url.authority,
      fields: [HTTPField("Content-Type", "application/json")])
    connection.send(head, json.finish().withUnsafeBytes { Array($0) })
  }

  func connectionAnswered(_ answer: HTTPAnswer) {
    guard answer.meaning == .accepted, let token = answer.object?.string("access_token") else {
      figures.trouble = "the login was answered \(answer.status.code) \(answer.slug)"
      return
    }
    connection.close()
    self.token = token
    isLoggedIn = true
    beginIfReady()
  }

  func connectionLost(_ loss: ConnectionLoss) {
    if !isLoggedIn { figures.trouble = "the login failed: \(loss.reason)" }
  }
}
