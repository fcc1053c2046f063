// What a lane does when it holds as much as it may. It holds two kinds of bytes: of pushes that are complete, which go as
// soon as they are stored, and of pushes that are being read, which go when their clients have sent the rest. A client
// can take its time, so nobody else may have to wait for the second kind. Other bodies, and answers, have budgets of their own.

import Protocol
import Reactor

extension Lane {
  /// Whether reading should wait until something is stored. With nothing to be stored it would wait for pushes that
  /// wait themselves: those are read to their end instead, or refused at the hard mark.
  func mustPause() -> Bool { admission.isPressed && writers.contains { $0.backlogPushes > 0 } }

  /// Why a push that is being read has to stop now, if it has.
  func excess() -> Problem? {
    guard case .overloaded(let reason, let seconds) = admission.judgeGrowth() else { return nil }
    return Problem(.overloaded, reason, retryAfterSeconds: seconds)
  }

  /// Lets paused connections go on if there is room, or nothing left to wait for.
  func relieveIfPossible() {
    if paused.isEmpty || !(admission.isRelieved || !mustPause()) { return }
    let waiting = paused
    paused.removeAll(keepingCapacity: true)
    for id in waiting { connections[id]?.relieve() }
  }

  /// Others were refused for want of memory: of the bodies that take longer than `body_deadline`, which only their size
  /// allows, the one that holds most has to make room.
  func makeRoom() {
    let latest = loop.now - settings.bodyDeadline
    var largest: (connection: HTTPConnection, bytes: Int)?
    for connection in connections.all {
      guard case .push(_, let push) = connection.phase, push.startedAt < latest else { continue }
      if push.heldBytes > largest?.bytes ?? 0 { largest = (connection, push.heldBytes) }
    }
    largest?.connection.refusePush(
      Problem(.overloaded, "others need the memory (bytes_in_flight)", retryAfterSeconds: admission.jittered(5)))
  }

  // MARK: Bodies of the admin lane

  /// Accounts for more of a body. They have a budget of their own, so that they can't take the pushes'.
  /// - Returns: false if there is no room; nothing is held then.
  func gather(_ bytes: Int, for exchange: inout Exchange?) -> Bool {
    if gatheredBytes + bytes > settings.adminBytesInFlight / context.loops { return false }
    gatheredBytes += bytes
    exchange?.gatheredBytes += bytes
    return true
  }

  /// The request is over, or its client is gone.
  func scatter(_ exchange: Exchange?) { gatheredBytes -= exchange?.gatheredBytes ?? 0 }

  // MARK: Answers that are not taken

  /// - Parameter bytes: how many more wait for clients whose sockets are full; negative for fewer.
  func holdAnswers(_ bytes: Int) {
    untakenBytes += bytes
    if bytes > 0, untakenBytes > settings.answerBytesInFlight / context.loops { cutAnswers() }
  }

  /// Those whose write deadline comes first have taken nothing for longest. A quarter of the room is made at once: each time
  /// is a look at every connection.
  private func cutAnswers() {
    let room = settings.answerBytesInFlight / context.loops / 4 * 3
    for connection in connections.all.filter(\.isWriteBlocked).sorted(by: { $0.writeEnd < $1.writeEnd }) {
      if untakenBytes <= room { return }
      counters.answersCut += 1
      connection.destroy()
    }
  }
}
