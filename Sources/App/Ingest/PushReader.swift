// Reads a push that is arriving. An object, because a connection and the intake hand it on, and it is pooled.

import Protocol
import Reactor

/// Reads the bodies of pushes, one after the other.
final class PushReader {
  private var body: PushBody
  /// The version of the settings that the reader was made with.
  let version: Int

  /// - Parameter clock: measures the time that inflating takes.
  init(
    settings: Settings, catalog: CompiledCatalog, version: Int = 0,
    clock: @escaping () -> MonotonicTime = MonotonicTime.now
  ) {
    self.version = version
    body = PushBody(settings: settings, catalog: catalog, clock: clock)
  }

  /// Bytes held by the window; the rows are not included.
  var heldBytes: Int { body.heldBytes }

  /// Starts a push, see `PushBody.begin`.
  func begin(serverID: Int32, timeWindow: ClosedRange<Int64>, isLegacyRead: Bool = false) {
    body.begin(serverID: serverID, timeWindow: timeWindow, isLegacyRead: isLegacyRead)
  }

  /// Releases the memory of a push; keeps a small window for the next one.
  func end() { body.end() }

  /// Reads bytes of the body, in pieces of any size.
  func receive(_ bytes: Span<UInt8>, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    try body.receive(bytes, into: push, known: &known)
  }

  /// The body is complete: sets the push's summary and identity, see `PushBody.finish`.
  func finish(key: [UInt8]?, into push: Push, known: inout KnownIDs) throws(PushRefusal) {
    try body.finish(key: key, into: push, known: &known)
  }
}
