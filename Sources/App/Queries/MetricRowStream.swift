// Carries rows from the database's loop to the client's connection: they become parts of a body as they arrive.
//
//   opening ──32 KiB of rows──▶ flowing (the head is sent, parts follow) ──last row──▶ over
//      └──last row──▶ over, as one whole answer                            └──failure──▶ over, cut off
//
// So a failure before the first part is answered with a proper status, and a short answer has its `Content-Length`.

import Protocol
import Synchronization

final class MetricRowStream: RowSink {
  /// How the answer begins.
  enum Opening: Sendable {
    case whole(body: [UInt8], nextCursor: String?)
    case flowing
    case failed(DatabaseError)
  }

  private static let partBytes = 32 * 1024

  private struct State {
    var opening: CheckedContinuation<Opening, Never>?
    /// The opening, if it is known before `opening()` is called.
    var opened: Opening?
    var isOpen = false
    var source = MetricSource.raw
  }

  let pipe: BodyPipe
  private let state = Mutex(State())
  /// `begin` sets it before the statement is sent, `receive` uses it on the pool's loop, `finish` after the statement's
  /// end.
  private nonisolated(unsafe) var encoder: MetricRowEncoder?  // Safety: the loop runs these calls one after the other
  private nonisolated(unsafe) var gzip: GzipStream?  // Safety: as above

  /// - Parameter isCompressed: whether the body is sent as gzip.
  init(capacity: Int, isCompressed: Bool) {
    pipe = BodyPipe(capacity: capacity)
    gzip = isCompressed ? GzipStream() : nil
  }

  /// Waits until it is known how the answer begins. To be called once.
  func opening() async -> Opening {
    await withCheckedContinuation { continuation in
      let opened = state.withLock { state in
        if state.opened == nil { state.opening = continuation }
        return state.opened
      }
      if let opened { continuation.resume(returning: opened) }
    }
  }

  /// To be called before the first row.
  func begin(_ plan: MetricRowEncoder.Plan, from source: MetricSource) {
    encoder = MetricRowEncoder(plan)
    state.withLock { $0.source = source }
  }

  /// The source of the rows; valid once the stream is open.
  var source: MetricSource { state.withLock { $0.source } }

  func receive(_ rows: borrowing DatabaseRows) -> RowDemand {
    encoder?.append(rows)
    guard let pending = encoder?.pendingBytes, pending >= Self.partBytes, var part = encoder?.take() else {
      return .more
    }
    if let packed = gzip?.append(part) { part = packed }
    open(.flowing)
    return pipe.write(part) ? .more : .pause
  }

  /// To be called after the last row.
  func finish() {
    encoder?.finish()
    let cursor = encoder?.nextCursor
    var rest = encoder?.take() ?? []
    if let packed = gzip?.finish(rest) { rest = packed }
    if !state.withLock({ $0.isOpen }) { return open(.whole(body: rest, nextCursor: cursor)) }
    if !rest.isEmpty { _ = pipe.write(rest) }
    pipe.finish(trailers: cursor.map { [HTTPField(Self.cursorField, $0)] } ?? [])
  }

  func fail(_ error: DatabaseError) {
    open(.failed(error))
    pipe.fail()
  }

  static let cursorField = "X-Next-Cursor"

  private func open(_ opening: Opening) {
    let waiting = state.withLock { state in
      if state.isOpen { return nil as CheckedContinuation<Opening, Never>? }
      state.isOpen = true
      if state.opening == nil { state.opened = opening }
      defer { state.opening = nil }
      return state.opening
    }
    waiting?.resume(returning: opening)
  }
}
