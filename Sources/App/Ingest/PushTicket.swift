// What the ingest floor knows of the requests that pushes come with: a ticket for each, and a way to answer it.

import Protocol

/// Names the request that waits for a push, by numbers and not by reference: a connection that is gone in the meantime is
/// not found. The floor above makes the tickets and reads them; the ingest desk only hands them back.
struct PushTicket: Equatable, Sendable {
  /// The connection's place in the table of its loop, and how often that place was given to another one before.
  let slot: UInt32
  let generation: UInt32
  /// The number of the request on its connection.
  let exchange: UInt32
}

/// The floor above the ingest desk, which has the connections. A ticket whose client is gone is answered by doing nothing.
protocol PushAnswering: AnyObject {
  /// Answers 200. - Parameter body: the JSON of the answer; it is only lent.
  func answer(_ ticket: PushTicket, with body: Span<UInt8>)
  /// Answers with the problem. The push is counted as refused already.
  func refuse(_ ticket: PushTicket, for problem: Problem)
  /// What the request is called in the log; nil if its client is gone.
  func requestID(of ticket: PushTicket) -> String?
  /// The desk holds less than before: connections whose reading is paused may go on, if `IngestDesk.mayRead`.
  func memoryReleased()
}
