// A collector with pushes. It sends each push until the server acknowledges it or refuses it for good.

import Ground
import Protocol

@testable import App

/// A push that a client has to deliver.
final class Errand {
  enum Kind: CaseIterable {
    case good
    /// The JSON or the gzip ends in the middle, or the body names another collector.
    case malformed, cutGzip, foreign
  }

  enum State: Equatable {
    case waiting(until: UInt64)
    case underway
    case acknowledged
    case refusedForGood
    /// The push is poisoned, and the server refuses it with its SQLSTATE while no other rows show whose fault that is.
    case unwitnessed
  }

  let number: Int
  let kind: Kind
  /// The push as it is now, and the larger pushes that it may become: a collector's buffer grows while its pushes fail.
  private(set) var push: StockedPush
  private var larger: ArraySlice<StockedPush>
  private(set) var body: [UInt8]
  private(set) var key: String?
  private let isKeyed: Bool
  var state = State.waiting(until: 0)

  init(_ number: Int, _ kind: Kind, _ push: StockedPush, isGzip: Bool, isKeyed: Bool, foreign: StockedPush) {
    self.number = number
    self.kind = kind
    self.push = push
    self.isKeyed = isKeyed
    larger = []
    switch kind {
    case .good: body = isGzip ? push.gzip : push.plain
    case .malformed: body = Array(push.plain.dropLast(10))
    case .cutGzip: body = Array(push.gzip.dropLast(9))
    case .foreign: body = foreign.plain
    }
    if isKeyed { key = "key-\(push.collector)-\(number)" }
  }

  /// An errand whose push grows.
  init(_ number: Int, family: [StockedPush], isKeyed: Bool) {
    self.number = number
    kind = .good
    push = family[0]
    larger = family[1...]
    body = push.plain
    self.isKeyed = isKeyed
    if isKeyed { key = "key-\(push.collector)-\(number)-1" }
  }

  /// Appends the metrics that the collector has collected since, under another key.
  func grow(isGzip: Bool) {
    guard let next = larger.popFirst() else { return }
    push = next
    body = isGzip ? push.gzip : push.plain
    if isKeyed { key = "key-\(push.collector)-\(number)-\(push.metrics)" }
  }

  var canGrow: Bool { !larger.isEmpty }

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
    let whole = numbers.prefix(1 + simulation.draw(4)).map { number in
      let kind = simulation.draw(8) == 0 ? Errand.Kind.allCases[simulation.draw(4)] : .good
      return Errand(
        number, kind, stock.pushes[collector][number], isGzip: simulation.draw(2) == 0,
        isKeyed: simulation.draw(4) == 0,
        foreign: stock.pushes[(collector + 1) % PushStock.collectors][number])
    }
    let growing = stock.growing[collector].prefix(simulation.draw(PushStock.familiesPerCollector + 1))
    errands = whole + growing.enumerated().map { Errand(100 + $0, family: $1, isKeyed: simulation.draw(4) == 0) }
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
        // An impatient or restarted collector sends the same push on another connection at the same time.
        if simulation.chance(0.15) {
          // The push may have grown meanwhile.
          if simulation.draw(2) == 0 { due[0].grow(isGzip: simulation.draw(2) == 0) }
          talk(about: [due[0]])
        }
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

  // MARK: Results of dialogues

  func ended(_ dialogue: Dialogue) { dialogues.removeAll { $0 === dialogue } }

  /// Schedules another try.
  func failed(_ errand: Errand, retryAfter: Duration) {
    if errand.isOver { return }
    if simulation.draw(2) == 0 { errand.grow(isGzip: simulation.draw(2) == 0) }
    errand.state = .waiting(until: simulation.kernel.time + UInt64(retryAfter.wholeNanoseconds))
  }

  func received(_ answer: Answer, to errand: Errand) {
    simulation.note("received", [collector, errand.number, answer.status])
    switch answer.status {
    case 200:
      if errand.kind != .good { simulation.violated("a \(errand.kind) push of \(collector) was acknowledged") }
      errand.state = .acknowledged
    case 503
    where simulation.isPoisoned(errand.push.id) && simulation.isQuiet(for: .seconds(60))
      && answer.body.contains("SQLSTATE"):
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
