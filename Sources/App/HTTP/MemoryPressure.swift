// Counts the memory that the connections of one loop hold, besides the pushes. It decides which connections wait, and
// which are closed, when there is too much. Bodies for other endpoints and unsent answers have their own budgets, so
// that they cannot use up the memory of the pushes.

import Protocol
import Reactor

/// The memory budgets of one loop's connections. It is used on that loop only.
final class MemoryPressure {
  private let loop: EventLoop
  private let connections: ConnectionTable
  private let ingest: IngestDesk
  private let records: ConnectionRecords
  private let loops: Int
  private var settings: Settings
  /// Connections that are not read because the loop holds too much.
  private var paused: [ConnectionID] = []
  /// The number of bytes of bodies for endpoints other than the push. They count until the request is answered.
  private(set) var gatheredBytes = 0
  /// The number of bytes of answers that blocked clients have not taken.
  private(set) var untakenBytes = 0

  /// - Parameter loops: the number of loops that share the budgets.
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

  /// Adds a connection that is not read until `resumeReading` finds room.
  func paused(_ connection: ConnectionID) { paused.append(connection) }

  /// Reads paused connections again if there is room, or if nothing is left to wait for.
  func resumeReading() {
    if paused.isEmpty || !ingest.mayResume { return }
    let waiting = paused
    paused.removeAll(keepingCapacity: true)
    for id in waiting { connections[id]?.resumeReading() }
  }

  /// Refuses one push to make room after pushes were refused for lack of memory. It chooses among the bodies that take
  /// longer than `body_deadline`, which only large bodies may do, the one that holds most.
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

  /// Counts bytes of a body for an endpoint.
  /// - Returns: false if the budget has no room; the bytes are not counted then.
  func gather(_ bytes: Int, for exchange: Exchange) -> Bool {
    if gatheredBytes + bytes > settings.adminBytesInFlight / loops { return false }
    gatheredBytes += bytes
    exchange.gatheredBytes += bytes
    return true
  }

  /// Gives back the bytes of a request that has ended.
  func release(_ exchange: Exchange) { gatheredBytes -= exchange.gatheredBytes }

  // MARK: Answers that are not taken

  /// Counts bytes of answers for blocked clients.
  /// - Parameter bytes: the change in bytes; negative if there are fewer.
  func holdAnswers(_ bytes: Int) {
    untakenBytes += bytes
    if bytes > 0, untakenBytes > settings.answerBytesInFlight / loops { cutAnswers() }
  }

  /// Closes blocked connections until a quarter of the budget is free. Those with the earliest write deadline come
  /// first, because they have taken nothing for the longest time. It frees a quarter at once, because each run looks at
  /// every connection.
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
