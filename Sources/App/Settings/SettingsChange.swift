// What is different when the settings are read again, and which of it can count at once.

struct SettingsChange {
  /// In use from now on: what is live as it was read, the rest as it was.
  let settings: Settings
  /// Names of those that changed and are live.
  let applied: [String]
  /// Names of those that changed and count only after a restart.
  let pending: [String]

  /// - Parameters:
  ///   - current: in use until now.
  ///   - read: of files, environment and command line, now.
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
