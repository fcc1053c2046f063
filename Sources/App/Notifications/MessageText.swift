// The sentences of a message: its title and its lines. Every kind of channel shows the same ones; `MessageMarkup` says how
// a channel writes the texts that come from outside.

import Protocol

/// How a channel writes texts that the program did not choose, such as names of tables.
enum MessageMarkup: Sendable {
  /// The text as it is.
  case plain
  /// Slack's mrkdwn: the three characters that begin its control sequences are written as entities, so that no text can
  /// make a link or mention anybody.
  case mrkdwn

  func escaped(_ text: String) -> String {
    switch self {
    case .plain: return text
    case .mrkdwn:
      var escaped = ""
      for character in text.unicodeScalars {
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        default: escaped.unicodeScalars.append(character)
        }
      }
      return escaped
    }
  }
}

extension NotificationMessage {
  /// The largest number of bytes of a text from outside in one line.
  private static let lineBytes = 500

  /// One line that says what happened, for example `Critical: disk full on db1`.
  var title: String {
    switch event {
    case .test: return "Test message of pgAnalytics"
    case .several: return "\(count) findings of \(groups.count) groups"
    case .opened, .ended:
      let check = groups[0].check.split(separator: "_").joined(separator: " ")
      let kind = event == .ended ? "Ended" : severity.prefix(1).uppercased() + severity.dropFirst()
      if count == 1, let finding = findings.first { return "\(kind): \(check) on \(finding.place)" }
      return "\(kind): \(check), \(count) findings"
    }
  }

  /// One line for each group of a message about several groups; else empty.
  var groupLines: [String] {
    groups.count < 2 ? [] : groups.map { "\($0.check) \($0.event.rawValue): \($0.count)" }
  }

  /// One line for each shown finding, and one line for those that are not shown.
  func findingLines(_ markup: MessageMarkup) -> [String] {
    var lines = findings.map { finding in
      let kind = groups.count < 2 ? "" : "\(finding.check) \(finding.event.rawValue): "
      let end = finding.event == .ended ? " (ended: \(finding.endReason ?? "unknown"))" : ""
      return kind + markup.escaped(Self.shortened("\(finding.place): \(finding.message)")) + end
    }
    if count > findings.count { lines.append("and \(count - findings.count) more") }
    if event == .test { lines.append("The channel works. This message reports no finding.") }
    return lines
  }

  /// The whole message as text, with a bullet before each line of a finding.
  func text(_ markup: MessageMarkup) -> String {
    let heading: String
    switch markup {
    case .plain: heading = title
    case .mrkdwn: heading = "*\(markup.escaped(title))*"
    }
    let lines = groupLines + findingLines(markup).map { "• " + $0 }
    let link = url.isEmpty ? [] : [markup.escaped(url)]
    return ([heading] + lines + link).joined(separator: "\n")
  }

  /// A text as one line of limited length.
  private static func shortened(_ text: String) -> String {
    let line = String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    if line.utf8.count <= lineBytes { return line }
    var short = line
    while short.utf8.count > lineBytes - 3 { short.removeLast(max(1, (short.utf8.count - lineBytes) / 8)) }
    return short + "…"
  }
}

extension NotifiedFinding {
  /// The name of the server, also for a server that was removed.
  var server: String { serverName.isEmpty ? "server \(serverID)" : serverName }

  /// The server, and the object within it.
  var place: String {
    subject.isEmpty ? server : "\(server) (\(subject))"
  }
}
