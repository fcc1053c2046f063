// Reads a push that is arriving. An object, because a connection and the intake hand it on, and it is pooled.

import Protocol
import Reactor

final class PushReader {
  private var body: PushBody
  /// Of the settings it was made by.
  let version: Int

  /// - Parameter clock: for what it says of the time that it took.
  init(
    settings: Settings, catalog: CompiledCatalog, version: Int = 0,
    clock: @escaping () -> MonotonicTime = MonotonicTime.now
  ) {
    self.version = version
    body = PushBody(settings: settings, catalog: catalog, clock: clock)
  }

  /// Bytes held by the window, without the rows.
  var heldBytes: Int { body.heldBytes }

  /// Starts a push, see `PushBody.begin`.
  func begin(serverID: Int32, timeWindow: ClosedRange<Int64>, isLegacyRead: Bool = false) {
    body.begin(serverID: serverID, timeWindow: timeWindow, isLegacyRead: isLegacyRead)
  }

  /// Lets go of what a push left behind; keeps a small window for the next one.
  func end() { body.end() }

  /// Takes body bytes as they come, in pieces of any size.
  func receive(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    try body.receive(bytes, into: push, known: &known)
  }

  /// The body is complete: fills the push's summary and identity, see `PushBody.finish`.
  func finish(key: [UInt8]?, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    try body.finish(key: key, into: push, known: &known)
  }
}
