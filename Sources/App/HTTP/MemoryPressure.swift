// What the connections of one loop hold, beside the pushes, and which of them have to wait or to go when there is too much. Bodies
// for other endpoints, and answers that clients do not take, have budgets of their own, so that they can't take the pushes'.

import Protocol
import Reactor

final class MemoryPressure {
  private let loop: EventLoop
  private let connections: ConnectionTable
  private let ingest: IngestDesk
  private let records: ConnectionRecords
  private let loops: Int
  private var settings: Settings
  /// Connections whose reading is paused because the loop holds too much.
  private var paused: [ConnectionID] = []
  /// Bytes of bodies for endpoints other than the push, until they are answered.
  private(set) var gatheredBytes = 0
  /// Bytes of answers for clients that do not take them.
  private(set) var untakenBytes = 0

  /// - Parameter loops: how many loops share the budgets.
  init(
    loop: EventLoop, settings: Settings, loops: Int, connections: ConnectionTable, ingest: IngestDesk,
    records: ConnectionRecords
  ) {
    self.loop = loop
    self.settings = settings
    self.loops = loops
    self.connections = connections
    self.ingest = ingest
    self.records = records
  }

  func apply(_ settings: Settings) { self.settings = settings }

  // MARK: Connections that wait

  var pausedCount: Int { paused.count }

  /// The connection is not read until `resumeReading` finds room.
  func paused(_ connection: ConnectionID) { paused.append(connection) }

  /// Lets paused connections go on if there is room, or nothing left to wait for.
  func resumeReading() {
    if paused.isEmpty || !ingest.mayResume { return }
    let waiting = paused
    paused.removeAll(keepingCapacity: true)
    for id in waiting { connections[id]?.resumeReading() }
  }

  /// Pushes were refused for want of memory: of the bodies that take longer than `body_deadline`, which only their size
  /// allows, the one that holds most has to make room.
  func makeRoom() {
    let latest = loop.now - settings.bodyDeadline
    var largest: (connection: HTTPConnection, bytes: Int)?
    for connection in connections.all {
      guard let push = connection.requests.arrivingPush, push.startedAt < latest else { continue }
      if push.heldBytes > largest?.bytes ?? 0 { largest = (connection, push.heldBytes) }
    }
    guard let connection = largest?.connection else { return }
    let seconds = ingest.intake.jittered(5)
    connection.refuseBody(
      Problem(.overloaded, "others need the memory (bytes_in_flight)", retryAfterSeconds: seconds))
  }

  // MARK: Bodies for endpoints

  /// Accounts for more of a body. - Returns: false if there is no room; nothing is held then.
  func gather(_ bytes: Int, for exchange: Exchange) -> Bool {
    if gatheredBytes + bytes > settings.adminBytesInFlight / loops { return false }
    gatheredBytes += bytes
    exchange.gatheredBytes += bytes
    return true
  }

  /// The request is over, or its client is gone.
  func release(_ exchange: Exchange) { gatheredBytes -= exchange.gatheredBytes }

  // MARK: Answers that are not taken

  /// - Parameter bytes: how many more wait for clients whose sockets are full; negative for fewer.
  func holdAnswers(_ bytes: Int) {
    untakenBytes += bytes
    if bytes > 0, untakenBytes > settings.answerBytesInFlight / loops { cutAnswers() }
  }

  /// Those whose write deadline comes first have taken nothing for longest. A quarter of the room is made at once: each time
  /// is a look at every connection.
  private func cutAnswers() {
    let room = settings.answerBytesInFlight / loops / 4 * 3
    let blocked = connections.all.filter(\.socket.isBlocked)
    for connection in blocked.sorted(by: { $0.socket.writeEnd < $1.socket.writeEnd }) {
      if untakenBytes <= room { return }
      records.count(.answerCut)
      connection.destroy()
    }
  }
}
