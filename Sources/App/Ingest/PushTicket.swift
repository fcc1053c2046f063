// The link from a push to the request that waits for it: a ticket for each request, and a way to answer it.

import Protocol

/// Identifies the request that waits for a push. It holds numbers and no reference, so the answer to a closed
/// connection finds nothing. `RequestDesk` makes tickets and reads them; the ingest desk only returns them.
struct PushTicket: Equatable, Sendable {
  /// The connection's index in the table of its loop, and the number of connections that had this index before.
  let slot: UInt32
  let generation: UInt32
  /// The number of the request on its connection.
  let exchange: UInt32
}

/// Answers the requests that wait for pushes. `RequestDesk` implements it. A ticket whose client is gone is ignored.
protocol PushAnswering: AnyObject {
  /// Answers 200.
  /// - Parameter body: the JSON of the answer. It is valid only during the call.
  func answer(_ ticket: PushTicket, with body: Span<UInt8>)
  /// Answers with the problem. The push is already counted as refused.
  func refuse(_ ticket: PushTicket, for problem: Problem)
  /// The request's ID for the log; nil if its client is gone.
  func requestID(of ticket: PushTicket) -> String?
  /// Called when the ingest desk holds fewer bytes than before. Paused connections may be read again if
  /// `IngestDesk.mayResume`.
  func memoryReleased()
}
