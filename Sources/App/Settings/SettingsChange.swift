// The differences after the settings were read again, and which of them take effect at once.

/// The result of reading the settings again.
struct SettingsChange {
  /// The settings to use from now on: live settings have their new values, all others keep theirs.
  let settings: Settings
  /// The names of the changed settings that are live.
  let applied: [String]
  /// The names of the changed settings that take effect only after a restart.
  let pending: [String]

  /// - Parameters:
  ///   - current: the settings in use.
  ///   - read: the settings that were read now from file, environment and command line.
  init(from current: Settings, to read: Settings) {
    var settings = current
    var applied: [String] = []
    var pending: [String] = []
    for declaration in Settings.declarations where declaration.print(current) != declaration.print(read) {
      switch declaration.effect {
      case .live:
        declaration.copy(from: read, to: &settings)
        applied.append(declaration.name)
      case .restart: pending.append(declaration.name)
      }
    }
    self.settings = settings
    self.applied = applied
    self.pending = pending
  }
}
