// Prints settings for people: docs/SETTINGS.md, and the values in use.

extension Settings {
  /// All settings in Markdown: the file docs/SETTINGS.md, which a test compares with this.
  static func reference() -> String {
    let defaults = Settings()
    let rows = declarations.map { declaration in
      let cells = [
        "`\(declaration.name)`", declaration.print(defaults), declaration.permitted, declaration.effect.rawValue,
        declaration.help,
      ]
      return "| \(cells.joined(separator: " | ")) |\n"
    }
    return """
      # Settings

      `pganalytics config reference` prints this file from the declarations in `Sources/App/Settings`.

      Each setting is a key of a TOML file (`--config FILE`), an environment variable `PGANALYTICS_NAME` and an option
      `--set name=value`. Of several values the later one in this list wins. `pganalytics config check` reports every error
      at once, with file and line. `pganalytics config show` prints the values in use and where each comes from.

      Sizes are written `64MiB`, `16KiB` or `1024`, times `500ms`, `10s`, `15min`, `12h` or `30d`. The column *Change*
      says when a changed value takes effect: `live` at SIGHUP (`systemctl reload pganalytics`), `restart` at the next start.

      | Setting | Default | Permitted | Change | Meaning |
      | --- | --- | --- | --- | --- |

      """ + rows.joined()
  }
}

extension SettingDeclaration {
  /// The values that are taken, in a few words; empty where any text is.
  fileprivate var permitted: String {
    switch field {
    case .text: ""
    case .word(_, let words): words.joined(separator: ", ")
    case .count(_, let range): "\(range.lowerBound) to \(range.upperBound)"
    case .bytes(_, let range):
      "\(SettingValue.print(bytes: range.lowerBound)) to \(SettingValue.print(bytes: range.upperBound))"
    case .time(_, let range), .times(_, _, let range):
      "\(SettingValue.print(time: range.lowerBound)) to \(SettingValue.print(time: range.upperBound))"
    case .networks: "networks"
    }
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
