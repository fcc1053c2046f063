// A connection between a client and the lane: bytes on their way in both directions, a send buffer that fills, and an
// end that may come from either side or from neither.

import Ground
import Protocol
import Reactor

@testable import App

/// The client at one end of a wire.
protocol WireClient: AnyObject {
  func received(_ bytes: [UInt8])
  /// The server sends no more, or the connection was reset. A reset loses the bytes that are on their way.
  func ended(isReset: Bool)
}

final class Wire: SimulatedDescriptor {
  /// The byte that a client sends first: the first byte of a TLS record.
  static let hello: [UInt8] = [0x16]

  private unowned let simulation: Simulation
  weak var client: (any WireClient)?
  let collector: Int
  private(set) var descriptor: CInt = 0
  /// Bytes that have arrived and that the server has not read.
  private var inbox: [UInt8] = []
  private var hasClientFinished = false
  private var isReset = false
  private var isCut = false
  private var isServerGone = false
  private var hasServerFinished = false
  /// The number of bytes that the server has written and the client has not taken, and its maximum.
  private var unread = 0
  private let capacity: Int
  /// How long the client takes to read arrived bytes.
  private let readingDelay: Duration
  private var lastArrival: (atServer: UInt64, atClient: UInt64) = (0, 0)

  init(_ simulation: Simulation, collector: Int, readingDelay: Duration) {
    self.simulation = simulation
    self.collector = collector
    self.readingDelay = readingDelay
    capacity = simulation.chance(0.3) ? 1 + simulation.draw(300) : 16_384
    descriptor = simulation.kernel.attach(self)
  }

  // MARK: The client's end

  /// Sends bytes. They arrive at least `delay` after the bytes before them.
  func send(_ bytes: [UInt8], after delay: Duration) {
    arrive(delay) { $0.inbox += bytes }
  }

  func finish() { arrive(.zero) { $0.hasClientFinished = true } }

  /// The client is gone. Bytes that it has sent may be lost.
  func reset() {
    client = nil
    arrive(simulation.pause) { $0.isReset = true }
  }

  /// Cuts the wire: nothing passes any more, and neither side notices.
  func cut() {
    isCut = true
    simulation.note("cut", [collector])
  }

  private func arrive(_ delay: Duration, _ change: @escaping (Wire) -> Void) {
    let due = max(lastArrival.atServer, simulation.kernel.time) + UInt64(delay.wholeNanoseconds)
    lastArrival.atServer = due
    simulation.kernel.after(.nanoseconds(Int64(due - simulation.kernel.time))) { [self] in
      if !isCut, !isServerGone { change(self) }
    }
  }

  private func deliver(_ change: @escaping (Wire) -> Void) {
    let due = max(
      lastArrival.atClient, simulation.kernel.time + UInt64((simulation.pause + readingDelay).wholeNanoseconds))
    lastArrival.atClient = due
    simulation.kernel.after(.nanoseconds(Int64(due - simulation.kernel.time))) { [self] in if !isCut { change(self) } }
  }

  /// Refuses the connection, as if no server listened.
  func refuse() {
    isServerGone = true
    simulation.kernel.detach(descriptor)
    client?.ended(isReset: true)
  }

  // MARK: The server's end

  func readiness(for interest: Interest) -> Readiness {
    if isReset { return [.error, .peerClosed] }
    var readiness: Readiness = []
    if interest.contains(.read), !inbox.isEmpty || hasClientFinished { readiness.insert(.read) }
    if hasClientFinished, interest.contains(.read) || hasServerFinished { readiness.insert(.peerClosed) }
    if interest.contains(.write), unread < capacity { readiness.insert(.write) }
    return readiness
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    if isReset { return .failed(SystemCallError(call: "recv", errno: 104)) }
    if inbox.isEmpty { return hasClientFinished ? .endOfStream : .wouldBlock }
    let count = simulation.chance(0.2) ? 1 + simulation.draw(inbox.count) : inbox.count
    buffer.copyBytes(from: inbox[0..<count])
    inbox.removeFirst(count)
    return .bytes(count)
  }

  func write(_ bytes: Span<UInt8>) -> WriteResult {
    if isReset { return .failed(SystemCallError(call: "send", errno: 32)) }
    let room = min(capacity - unread, bytes.count)
    if room == 0 { return .wouldBlock }
    let count = simulation.chance(0.2) ? 1 + simulation.draw(room) : room
    let taken = bytes.extracting(0..<count).withUnsafeBufferPointer { Array($0) }
    unread += count
    deliver { wire in
      wire.unread -= count
      if !wire.isReset { wire.client?.received(taken) }
    }
    return .written(count)
  }

  func serverFinished() {
    hasServerFinished = true
    deliver { $0.client?.ended(isReset: false) }
  }

  /// The server closes. With unread bytes the close is a reset, which may overtake bytes that were sent before it.
  func serverClosed(willReset: Bool) {
    isServerGone = true
    simulation.kernel.detach(descriptor)
    let isReset = willReset || !inbox.isEmpty
    if isReset, !self.isReset {
      simulation.kernel.after(simulation.pause) { [self] in
        if isCut { return }
        self.isReset = true
        client?.ended(isReset: true)
      }
    } else {
      deliver { $0.client?.ended(isReset: false) }
    }
  }
}

/// A wire as the lane holds it: plaintext in both directions, and the certificate of the collector.
final class WireLink: ClientLink {
  private unowned let simulation: Simulation
  private let wire: Wire
  private var resets = false
  private(set) var isEstablished = false
  /// The byte that stands for a client's part of the handshake; see `Wire.hello`.
  private var hasHello = false
  private var answers = AnswerParser()

  init(_ simulation: Simulation, _ wire: Wire) {
    self.simulation = simulation
    self.wire = wire
    simulation.openLinks += 1
  }

  deinit {
    simulation.openLinks -= 1
    wire.serverClosed(willReset: resets)
  }

  var descriptor: CInt { wire.descriptor }
  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult { wire.read(into: buffer) }
  func write(_ bytes: Span<UInt8>) -> WriteResult { wire.write(bytes) }
  func shutdownWrite() { wire.serverFinished() }
  func willReset() { resets = true }
  func acknowledge() {}
  func begin(_ context: TLSContext, now: Int64) {}
  var peer: PeerCertificate? { PushStock.shared.certificates[wire.collector] }
  /// Only endpoints ask for the certificate, and the simulation has no endpoints.
  var peerCertificate: Certificate? { nil }

  func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> TLSSession.Status {
    isEstablished = true
    plaintext.append(hasHello ? ciphertext : ciphertext.extracting(1...))
    hasHello = true
    return .established
  }

  func send(_ plaintext: Span<UInt8>, ciphertextOut: inout ByteBuffer) throws(TLSError) {
    ciphertextOut.append(plaintext)
    answers.append(plaintext.withUnsafeBufferPointer { Array($0) })
    while let answer = answers.next() { simulation.answered(answer, wire.collector) }
    if answers.isBroken { simulation.violated("the lane sent an answer that is not HTTP") }
  }

  func close(ciphertextOut: inout ByteBuffer) {}
}
