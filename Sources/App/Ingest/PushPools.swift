// Pools of pushes and their readers. Both are reused, because allocating their memory costs more than keeping it.

import Protocol
import Reactor

/// A push that is being read, and its reader.
struct ArrivingPush {
  let reader: PushReader
  let push: Push
}

/// The pools of one loop.
struct PushPools {
  private static let pushesMaximum = 64
  private static let readersMaximum = 16

  private let catalog: CompiledCatalog
  private let clock: () -> MonotonicTime
  private var settings: Settings
  private var pushes: [Push] = []
  private var readers: [PushReader] = []
  /// Counts the changes of the settings that readers depend on.
  private var version = 0

  /// - Parameter clock: the clock with which readers measure the time of inflating.
  init(settings: Settings, catalog: CompiledCatalog, clock: @escaping () -> MonotonicTime) {
    self.settings = settings
    self.catalog = catalog
    self.clock = clock
  }

  /// Uses `settings` for new readers. A reader at work finishes its push with the old settings, and is then not kept.
  mutating func apply(_ settings: Settings) {
    self.settings = settings
    readers.removeAll()
    version += 1
  }

  /// Takes a push and a reader from the pools, or makes them. The caller returns both, each by `giveBack`.
  mutating func take() -> ArrivingPush {
    let push = pushes.popLast() ?? Push(catalog: catalog)
    let reader =
      readers.popLast() ?? PushReader(settings: settings, catalog: catalog, version: version, clock: clock)
    return ArrivingPush(reader: reader, push: push)
  }

  /// Returns a reader.
  mutating func giveBack(_ reader: PushReader) {
    reader.end()
    if readers.count < Self.readersMaximum, reader.version == version { readers.append(reader) }
  }

  /// Returns a push.
  mutating func giveBack(_ push: Push) {
    push.reset()
    // The pool keeps only pushes of the usual size. The memory of a larger one is freed.
    if pushes.count < Self.pushesMaximum, push.rows.allocatedBytes <= settings.batchBytes { pushes.append(push) }
  }
}
