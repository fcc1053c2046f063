// Pushes and their readers are used again: what they hold costs more to allocate than to keep.

import Protocol
import Reactor

/// A push that is being read, with the one who reads it.
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
  /// Counts the changes of what readers are made by.
  private var version = 0

  /// - Parameter clock: by which readers measure the time that inflating takes.
  init(settings: Settings, catalog: CompiledCatalog, clock: @escaping () -> MonotonicTime) {
    self.settings = settings
    self.catalog = catalog
    self.clock = clock
  }

  /// Makes readers by new settings from now on. Readers at work end their push by the old ones and are not kept.
  mutating func apply(_ settings: Settings) {
    self.settings = settings
    readers.removeAll()
    version += 1
  }

  /// The caller gives both back, each by `giveBack`.
  mutating func take() -> ArrivingPush {
    let push = pushes.popLast() ?? Push(catalog: catalog)
    let reader =
      readers.popLast() ?? PushReader(settings: settings, catalog: catalog, version: version, clock: clock)
    return ArrivingPush(reader: reader, push: push)
  }

  mutating func giveBack(_ reader: PushReader) {
    reader.end()
    if readers.count < Self.readersMaximum, reader.version == version { readers.append(reader) }
  }

  mutating func giveBack(_ push: Push) {
    push.reset()
    // A push that was unusually large gives its memory back; the pool keeps the usual ones.
    if pushes.count < Self.pushesMaximum, push.rows.allocatedBytes <= settings.batchBytes { pushes.append(push) }
  }
}
