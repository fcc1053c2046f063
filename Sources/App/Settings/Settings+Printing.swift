// Settings for people: the README's table, and the values in use.

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
  /// As a file that would set the same, each line with where its value comes from and when a change of it counts. Secrets
  /// are not in it.
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

  /// A URL keeps what is not its password; anything else is hidden whole.
  private func masked(_ secret: String) -> String {
    if secret.isEmpty { return "" }
    let url = secret.replacing(/:\/\/([^:@\/]*):[^\/?]*@/) { "://\($0.output.1):•••@" }
    let isURL = secret.contains("://") && !secret.contains("password=")
    return isURL ? url : "•••"
  }
}
