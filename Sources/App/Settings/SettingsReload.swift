// SIGHUP for settings: reads them all again, in the order of precedence of the start. If anything is wrong nothing changes
// and everything that is wrong is logged; else what is live reaches everybody who uses it.

import Protocol
import Synchronization

final class SettingsReload: Sendable {
  typealias Reading = @Sendable () throws(SettingErrors) -> Settings

  /// For who watches.
  struct Snapshot: Sendable {
    /// Reloads that changed nothing because something was wrong.
    var failures = 0
    /// Whether the last one was such.
    var isFailing = false
    /// When the settings in use were read, unix seconds.
    var readAt: Int64
  }

  private let settings: LiveSettings
  private let reading: Reading
  private let log: ServerLog
  private let state: Mutex<Snapshot>

  /// - Parameter reading: reads all sources again.
  init(_ settings: LiveSettings, log: ServerLog, now: Int64, reading: @escaping Reading) {
    self.settings = settings
    self.reading = reading
    self.log = log
    state = Mutex(Snapshot(readAt: now))
  }

  var snapshot: Snapshot { state.withLock { $0 } }

  /// One caller at a time.
  /// - Parameter now: unix seconds.
  /// - Returns: what is in use from now on, for those who hold copies; nil if the settings stay as they were.
  func read(now: Int64) -> Settings? {
    let change: SettingsChange
    do throws(SettingErrors) {
      change = SettingsChange(from: settings.now, to: try reading())
    } catch {
      state.withLock { state in
        state.failures += 1
        state.isFailing = true
      }
      log.error(
        "settings not reloaded, the old ones stay in use",
        ["errors": error.errors.map(\.description).joined(separator: "; ")])
      return nil
    }
    settings.replace(with: change.settings)
    log.use(change.settings)
    state.withLock { state in
      state.isFailing = false
      state.readAt = now
    }
    log.info("settings reloaded", ["changed": change.applied.isEmpty ? "none" : change.applied.joined(separator: " ")])
    if !change.pending.isEmpty {
      log.warning(
        "settings changed that count after a restart", ["pending": change.pending.joined(separator: " ")])
    }
    return change.settings
  }
}
