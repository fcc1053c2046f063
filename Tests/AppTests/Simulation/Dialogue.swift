// One connection of a simulated client: it sends requests, with faults or without, and takes the answers.

import Reactor

@testable import App

final class Dialogue: WireClient {
  /// The fault of this connection.
  private enum Fault {
    case none
    /// In the middle of a request the client stops sending, ends its side, resets the connection, or loses it
    /// unnoticed.
    case stall, end, reset, cut
    /// The client sends everything, then resets the connection or ends its side.
    case resetAfter, finishAfter
  }

  private unowned let simulation: Simulation
  private unowned let client: SimulatedClient
  private let wire: Wire
  private let fault: Fault
  private let isPipelined: Bool
  private var unsent: [Errand]
  private var unanswered: [Errand] = []
  /// The body that waits for a `100 Continue`.
  private var heldBody: [UInt8]?
  private var parser = AnswerParser()
  private var isOver = false
  /// Set after a gap: the server would take later bytes for the missing ones.
  private var hasStopped = false

  init(_ simulation: Simulation, _ client: SimulatedClient, _ errands: [Errand]) {
    self.simulation = simulation
    self.client = client
    unsent = errands
    isPipelined = simulation.draw(3) == 0
    let faults: [Fault] = [.stall, .end, .reset, .cut, .resetAfter, .finishAfter]
    fault = simulation.chance(simulation.dialogueFaults) ? faults[simulation.draw(faults.count)] : .none
    wire = Wire(
      simulation, collector: client.collector,
      readingDelay: simulation.chance(0.1) ? .milliseconds(simulation.draw(4000)) : .zero)
    wire.client = self
  }

  func start() {
    simulation.note("connect", [client.collector, unsent.count])
    simulation.open(wire)
    // A client that gets no answer for so long starts anew.
    simulation.kernel.after(.seconds(100 + simulation.draw(20))) { [weak self] in self?.abandon() }
    sendNext()
  }

  private func sendNext() {
    while !unsent.isEmpty, isPipelined || unanswered.isEmpty {
      let errand = unsent.removeFirst()
      unanswered.append(errand)
      let isChunked = simulation.draw(4) == 0
      let expects = !isPipelined && simulation.draw(10) == 0
      let head = client.head(
        errand, isChunked: isChunked, expects: expects, isLast: unsent.isEmpty && simulation.draw(2) == 0)
      let body = isChunked ? chunked(errand.body) : errand.body
      if expects {
        heldBody = body
        send(head)
        return
      }
      send(head + body)
    }
  }

  private func chunked(_ body: [UInt8]) -> [UInt8] {
    var encoded: [UInt8] = []
    var position = 0
    while position < body.count {
      let count = min(body.count - position, 1 + simulation.draw(body.count))
      encoded += Array((String(count, radix: 16) + "\r\n").utf8) + body[position..<position + count] + [13, 10]
      position += count
    }
    return encoded + Array("0\r\n\r\n".utf8)
  }

  /// Sends bytes in pieces; with a fault only some of them.
  private func send(_ bytes: [UInt8]) {
    if hasStopped { return }
    var bytes = bytes[...]
    switch fault {
    case .stall, .end, .reset, .cut:
      if simulation.draw(2) == 0 { bytes = bytes.prefix(simulation.draw(bytes.count)) }
      hasStopped = true
    case .none, .resetAfter, .finishAfter: break
    }
    let isSplit = simulation.draw(3) == 0
    while !bytes.isEmpty {
      let piece = isSplit ? bytes.prefix(1 + simulation.draw(400)) : bytes
      bytes = bytes.dropFirst(piece.count)
      wire.send(Array(piece), after: isSplit || simulation.draw(4) == 0 ? simulation.pause : .zero)
    }
    switch fault {
    case .none, .stall: break
    case .end: wire.finish()
    case .finishAfter: if unsent.isEmpty, heldBody == nil { wire.finish() }
    case .cut: wire.cut()
    case .reset: leave()
    case .resetAfter: if unsent.isEmpty, heldBody == nil { leave() }
    }
  }

  // MARK: WireClient

  func received(_ bytes: [UInt8]) {
    if isOver { return }
    parser.append(bytes)
    while !isOver, let answer = parser.next() {
      if answer.status == 100 {
        guard let body = heldBody else { return simulation.violated("a 100 Continue that the client did not ask for") }
        heldBody = nil
        send(body)
        continue
      }
      heldBody = nil
      guard !unanswered.isEmpty else { return simulation.violated("an answer without a request: \(answer.status)") }
      let errand = unanswered.removeFirst()
      client.received(answer, to: errand)
      if answer.isLast || unanswered.isEmpty && unsent.isEmpty { return leave(politely: !answer.isLast) }
      sendNext()
    }
    if parser.isBroken { simulation.violated("an answer that is not HTTP arrived") }
  }

  func ended(isReset: Bool) { leave() }

  private func abandon() {
    if !isOver, simulation.isQuiet(for: .seconds(140)) {
      simulation.violated("no answer for 100 s in a world without faults")
    }
    leave()
  }

  private func leave(politely: Bool = false) {
    if isOver { return }
    isOver = true
    simulation.note("leave", [client.collector, unanswered.count])
    if politely { wire.finish() } else { wire.reset() }
    for errand in unanswered + unsent { client.failed(errand, retryAfter: .milliseconds(200 + simulation.draw(3000))) }
    client.ended(self)
  }
}
