// Prints settings for people: the README's table, and the values in use.

extension Settings {
  /// The README's table of limits and settings.
  static func markdownTable() -> String {
    let defaults = Settings()
    let rows = declarations.map { declaration in
      "| `\(declaration.name)` | \(declaration.print(defaults)) | \(declaration.effect.rawValue) | \(declaration.help) |"
    }
    return (["| Setting | Default | Change | Meaning |", "| --- | --- | --- | --- |"] + rows).joined(separator: "\n")
  }
}

extension ReadSettings {
  /// The settings as a file that would set the same values. Each line has the source of its value and when a change
  /// takes effect. Secrets are hidden.
  func text() -> String {
    Settings.declarations.map { declaration in
      let value = declaration.isSecret ? masked(declaration.print(settings)) : declaration.print(settings)
      let note = "\(sources[declaration.name] ?? "default"), \(declaration.effect.rawValue)"
      switch declaration.field {
      case .count: return "\(declaration.name) = \(value)  # \(note)"
      case .text, .word, .bytes, .time, .networks, .times: return "\(declaration.name) = \"\(value)\"  # \(note)"
      }
    }.joined(separator: "\n")
  }

  /// In a URL only the password is hidden; any other secret is hidden completely.
  private func masked(_ secret: String) -> String {
    if secret.isEmpty { return "" }
    let url = secret.replacing(/:\/\/([^:@\/]*):[^\/?]*@/) { "://\($0.output.1):•••@" }
    let isURL = secret.contains("://") && !secret.contains("password=")
    return isURL ? url : "•••"
  }
}
