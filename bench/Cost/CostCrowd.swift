// The connections of a measurement, on one loop. The caller runs the loop with `wait` and `pause`, and reads the
// server's counters between the steps.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// Opens connections and counts their handshakes and answers.
final class CostCrowd {
  /// One connection. It carries one request at a time.
  final class Member: HTTPSConnectionOwner {
    private let crowd: CostCrowd
    private let connection: HTTPSConnection
    /// The request that is sent as soon as the connection is open; nil for none.
    private let first: CostPlan.Request?

    fileprivate init(_ crowd: CostCrowd, _ connection: HTTPSConnection, first: CostPlan.Request?) {
      self.crowd = crowd
      self.connection = connection
      self.first = first
    }

    fileprivate func open(_ identity: TLSIdentity?) throws(ConnectionLoss) {
      try connection.open(identity: identity, owner: self)
    }

    func send(_ request: CostPlan.Request) { connection.send(request.head, request.body) }

    func close() { connection.close() }

    func connectionOpened(connect: Duration, handshake: Duration) {
      crowd.opened += 1
      if let first { send(first) }
    }

    func connectionAnswered(_ answer: HTTPAnswer) {
      crowd.answered += 1
      crowd.lastAnswer = answer
      if crowd.demandsSuccess, answer.status.code >= 300 {
        crowd.failure = RunFailure(
          description: "\(answer.status.code): \(String(decoding: answer.body, as: UTF8.self))")
      }
    }

    func connectionLost(_ loss: ConnectionLoss) {
      crowd.failure = RunFailure(description: "the server: \(loss.reason)")
    }
  }

  private static let longestWait: Duration = .milliseconds(50)

  /// Whether an answer of 300 and above ends the measurement.
  var demandsSuccess = false
  /// The number of completed handshakes since the beginning.
  fileprivate(set) var opened = 0
  /// The number of complete responses since the beginning.
  fileprivate(set) var answered = 0
  fileprivate(set) var lastAnswer: HTTPAnswer?
  fileprivate var failure: RunFailure?
  private let loop: EventLoop
  private let destination: HTTPSDestination
  private let buffers = HTTPSConnection.Buffers()
  private var members = 0

  init(_ destination: HTTPSDestination) throws(SystemCallError) {
    loop = try EventLoop()
    self.destination = destination
  }

  /// Begins to connect.
  /// - Parameter first: a request to send as soon as the connection is open.
  func connect(_ identity: TLSIdentity?, first: CostPlan.Request? = nil) throws(ConnectionLoss) -> Member {
    let member = Member(
      self, HTTPSConnection(loop: loop, destination: destination, buffers: buffers, spread: members), first: first)
    members += 1
    try member.open(identity)
    return member
  }

  /// Runs the loop until `isDone` returns true.
  /// - Throws: the failure of the server or of a connection.
  func wait(until isDone: () -> Bool) throws(RunFailure) {
    while !isDone() {
      loop.turn(waitingAtMost: Self.longestWait)
      if let failure { throw failure }
    }
  }

  /// Runs the loop for `time`.
  func pause(_ time: Duration) throws(RunFailure) {
    let end = MonotonicTime.now() + time
    try wait { .now() >= end }
  }
}
