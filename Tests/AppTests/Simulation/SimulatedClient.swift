// A collector: it has pushes, and sends each until it is acknowledged or refused for good.

import Protocol

@testable import App

/// A push that a client wants to get rid of.
final class Errand {
  enum Kind: CaseIterable {
    case good
    /// Ends in the middle of its JSON; of its gzip; names another collector.
    case malformed, cutGzip, foreign
  }

  enum State: Equatable {
    case waiting(until: UInt64)
    case underway
    case acknowledged
    case refusedForGood
    /// Poisoned, and refused with its SQLSTATE as long as nobody else's rows show whose fault that is.
    case unwitnessed
  }

  let number: Int
  let kind: Kind
  let push: StockedPush
  let body: [UInt8]
  let key: String?
  /// What the ledger would know it by.
  let id: UUID
  var state = State.waiting(until: 0)

  init(_ number: Int, _ kind: Kind, _ push: StockedPush, isGzip: Bool, foreign: StockedPush) {
    self.number = number
    self.kind = kind
    self.push = push
    switch kind {
    case .good:
      body = isGzip ? push.gzip : push.plain
      (key, id) = (nil, push.id)
      return
    case .malformed: body = Array(push.plain.dropLast(10))
    case .cutGzip: body = Array(push.gzip.dropLast(9))
    case .foreign: body = foreign.plain
    }
    key = "bad-\(push.collector)-\(number)"
    id = PushStock.ledgerID(ofCollector: push.collector, mark: 1, Array(key!.utf8))
  }

  var isOver: Bool { [.acknowledged, .refusedForGood, .unwitnessed].contains(state) }
}

final class SimulatedClient {
  private unowned let simulation: Simulation
  let collector: Int
  let errands: [Errand]
  private var dialogues: [Dialogue] = []
  private var token = ""
  private var isWakeUpDue = false

  init(_ simulation: Simulation, collector: Int) {
    self.simulation = simulation
    self.collector = collector
    let stock = PushStock.shared
    var numbers = Array(0..<PushStock.pushesPerCollector)
    simulation.shuffle(&numbers)
    errands = numbers.prefix(1 + simulation.draw(4)).map { number in
      let kind = simulation.draw(8) == 0 ? Errand.Kind.allCases[simulation.draw(4)] : .good
      return Errand(
        number, kind, stock.pushes[collector][number], isGzip: simulation.draw(2) == 0,
        foreign: stock.pushes[(collector + 1) % PushStock.collectors][number])
    }
  }

  var isDone: Bool { (errands.allSatisfy(\.isOver) || simulation.drainBegan != nil) && dialogues.isEmpty }

  func start() {
    renewToken()
    wake(after: .milliseconds(simulation.draw(5000)))
  }

  func renewToken() {
    token =
      PushStock.shared.tokens.issue(
        collector: PushStock.id(ofCollector: collector), hostname: "db\(collector)",
        now: simulation.kernel.wallTime() / 1_000_000
      ).token
  }

  /// The bytes of a request's head.
  func head(_ errand: Errand, isChunked: Bool, expects: Bool, isLast: Bool) -> [UInt8] {
    var head = "POST /api/v1/metrics/push HTTP/1.1\r\nHost: simulation\r\nAuthorization: Bearer \(token)\r\n"
    head += isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: \(errand.body.count)\r\n"
    if let key = errand.key { head += "Idempotency-Key: \(key)\r\n" }
    if expects { head += "Expect: 100-continue\r\n" }
    if isLast { head += "Connection: close\r\n" }
    return Array((head + "\r\n").utf8)
  }

  private func wake(after delay: Duration) {
    if isWakeUpDue { return }
    isWakeUpDue = true
    simulation.kernel.after(delay) { [self] in
      isWakeUpDue = false
      proceed()
    }
  }

  private func proceed() {
    if simulation.drainBegan != nil { return }
    let now = simulation.kernel.time
    if dialogues.isEmpty {
      let due = errands.filter { if case .waiting(let until) = $0.state { until <= now } else { false } }
      if !due.isEmpty {
        talk(about: Array(due.prefix(1 + simulation.draw(3))))
        // Impatient, or restarted: the same push on another connection at the same time.
        if simulation.chance(0.15) { talk(about: [due[0]]) }
      }
    }
    if !errands.allSatisfy(\.isOver) { wake(after: .milliseconds(50 + simulation.draw(500))) }
  }

  private func talk(about errands: [Errand]) {
    for errand in errands { errand.state = .underway }
    let dialogue = Dialogue(simulation, self, errands)
    dialogues.append(dialogue)
    dialogue.start()
  }

  // MARK: What dialogues tell

  func ended(_ dialogue: Dialogue) { dialogues.removeAll { $0 === dialogue } }

  /// To be sent again.
  func failed(_ errand: Errand, retryAfter: Duration) {
    if errand.isOver { return }
    errand.state = .waiting(until: simulation.kernel.time + UInt64(retryAfter.wholeNanoseconds))
  }

  func received(_ answer: Answer, to errand: Errand) {
    simulation.note("received", [collector, errand.number, answer.status])
    switch answer.status {
    case 200:
      if errand.kind != .good { simulation.violated("a \(errand.kind) push of \(collector) was acknowledged") }
      errand.state = .acknowledged
    case 503
    where simulation.isPoisoned(errand.id) && simulation.isQuiet(for: .seconds(60)) && answer.body.contains("SQLSTATE"):
      if !errand.isOver { errand.state = .unwitnessed }
    case 429, 503: failed(errand, retryAfter: .seconds(answer.retryAfter ?? 1))
    case 401:
      renewToken()
      failed(errand, retryAfter: .zero)
    case 408:
      if simulation.isQuiet(for: .seconds(30)) { simulation.violated("408 for a client that sends at once") }
      failed(errand, retryAfter: .seconds(1))
    case 400, 403:
      if errand.kind == .good { simulation.violated("\(answer.status) for a good push: \(answer.body)") }
      if !errand.isOver { errand.state = .refusedForGood }
    default: simulation.violated("\(answer.status): \(answer.body)")
    }
  }
}
