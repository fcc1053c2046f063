// The reload of settings at SIGHUP. It reads all sources again, with the same precedence as at the start. If there is
// any fault, nothing changes and all faults are logged. Otherwise the live settings are passed to everything that uses
// them.

import Protocol
import Synchronization

/// Reads the settings again and keeps the result of the last reload.
final class SettingsReload: Sendable {
  typealias Reading = @Sendable () throws(SettingErrors) -> Settings

  /// The state for metrics.
  struct Snapshot: Sendable {
    /// The number of reloads that were rejected because of a fault.
    var failures = 0
    /// Whether the last reload was rejected.
    var isFailing = false
    /// When the settings in use were read, in unix seconds.
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

  /// Reads the settings again. One caller at a time.
  /// - Parameter now: in unix seconds.
  /// - Returns: the settings to use from now on, for callers with copies; nil if the settings did not change because of
  ///   a fault.
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
    log.apply(change.settings)
    state.withLock { state in
      state.isFailing = false
      state.readAt = now
    }
    log.info("settings reloaded", ["changed": change.applied.isEmpty ? "none" : change.applied.joined(separator: " ")])
    if !change.pending.isEmpty {
      log.warning(
        "settings changed that take effect after a restart", ["pending": change.pending.joined(separator: " ")])
    }
    return change.settings
  }
}
