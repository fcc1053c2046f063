// The picture of the live view: from the state to lines. It is a function of the state alone.

import Ground
import Protocol
import Reactor

struct TopFrame {
  /// The lines above the body: the title and the summary.
  private static let headRows = 2

  let model: TopModel
  let schemas: TopSchemas

  init(_ model: TopModel, schemas: TopSchemas = TopSchemas()) { (self.model, self.schemas) = (model, schemas) }

  /// The number of lines between summary and bottom.
  var room: Int { max(0, model.size.rows - Self.headRows - bottom.count) }

  /// As many lines as the terminal has rows.
  var lines: [TopLine] {
    let room = room
    var body = isText ? Array(textLines.dropFirst(model.scroll).prefix(room)) : TopTable(model, schemas).lines(room)
    while body.count < room { body.append(TopLine()) }
    let lines = [title, summary] + body + bottom
    return lines.suffix(model.size.rows).map { $0.cut(to: model.size.columns) }
  }

  /// Whether the view is a text to scroll in, and no list.
  private var isText: Bool { model.overlay != nil || !model.view.hasRows }

  /// The lines of a text, all of them.
  var textLines: [TopLine] {
    switch model.overlay {
    case .help: return TopHelp.lines
    case .row(let row): return TopRowText(row, schemas.rows(of: model.view)).lines(model.size.columns)
    case nil: break
    }
    guard let data = model.data[model.view] else { return [waiting] }
    switch model.view {
    case .server: return TopServerText(data.value, schemas).lines(model.size.columns)
    case .ingest: return TopIngestText(data.value, before: data.before).lines(model.size.columns)
    case .fleet, .queries, .locks: return []
    }
  }

  private var waiting: TopLine {
    TopLine(model.failure == nil ? "Waiting for the first answer …" : "There is no answer yet.", .faint)
  }

  // MARK: Title and summary

  private var title: TopLine {
    var line = TopLine()
    // A narrow screen has room for the title of the present view only.
    let isNarrow = model.size.columns < 50
    for view in TopView.allCases {
      let isPresent = view == model.view
      let name = isNarrow && !isPresent ? "\(view.rawValue)" : "\(view.rawValue) \(view.title)"
      line.append(isPresent ? "[\(name)]" : " \(name) ", isPresent ? .heading : .faint)
    }
    let pause = model.isPaused ? "paused" : "every \(model.interval) s"
    let time = String(CellText.local(model.now.unixSeconds * 1_000_000).suffix(8))
    let right = "\(model.host)  \(pause)  \(time)"
    let column = model.size.columns - DisplayWidth.of(right)
    if column > line.width { line.put(right, at: column, model.isPaused ? .warning : .faint) }
    return line
  }

  private var summary: TopLine {
    if case .help? = model.overlay { return TopLine("Keys", .heading) }
    var parts: [String] = []
    if let server = model.server, model.view != .fleet, model.view != .ingest { parts.append(server.name) }
    let answer = model.data[model.view]?.value
    switch model.view {
    case .fleet: parts += [counts(answer)]
    case .queries:
      if model.server == nil { parts.append("all servers") }
      parts += ["last \(model.range)", number(answer?[member: "total"], "statements")]
    case .locks: parts += ["last \(model.range)", waits]
    case .server: parts += ["last \(model.range)", source(answer)]
    case .ingest: parts += [answer?[member: "version"]?.string.map { "pgAnalytics \($0)" } ?? ""]
    }
    if model.view.hasRows {
      if model.pages > 1 { parts.append("page \(model.list.page) of \(model.pages)") }
      if !model.list.filter.isEmpty { parts.append("filter: \(model.list.filter)") }
    }
    return TopLine(parts.filter { !$0.isEmpty }.joined(separator: " · "))
  }

  private func counts(_ answer: JSONValue?) -> String {
    guard case .array(let counts)? = answer?[member: "counts"] else { return "" }
    let parts = counts.map { row in
      "\(row[member: "servers"]?.integer ?? 0) \(row[member: "state"]?.string ?? "without data")"
    }
    return number(answer?[member: "total"], "servers") + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
  }

  private var waits: String {
    let rows = model.rows
    let waiting = rows.count { ($0[member: "wait_seconds"] ?? .null) != .null }
    return rows.isEmpty && model.data[.locks] != nil ? "no session waits" : "\(waiting) of \(rows.count) sessions wait"
  }

  private func source(_ answer: JSONValue?) -> String {
    guard let until = answer?[member: "data_until"]?.string, let time = RFC3339.unixMicroseconds(until) else {
      return ""
    }
    return "data until \(CellText.local(time).suffix(8))"
  }

  private func number(_ value: JSONValue?, _ noun: String) -> String {
    guard let value = value?.integer else { return "" }
    return "\(CellText.decimal(Double(value), places: 0)) \(noun)"
  }

  // MARK: Bottom

  /// The text that the person types, or the last failure, or the list of keys. A failure gets as many lines as it needs.
  private var bottom: [TopLine] {
    if let prompt = model.prompt { return [TopLine("/" + prompt + "▏", .heading)] }
    if let failure = model.failure {
      return TopText.wrapped(sentence(of: failure.reason, since: failure.since), width: model.size.columns).map {
        TopLine($0, .bad)
      }
    }
    if let notice = model.notice { return [TopLine(notice, .warning)] }
    if model.pending != nil, let askedAt = model.askedAt {
      let seconds = askedAt.duration(to: model.now.monotonic).wholeSeconds
      if seconds >= 5 { return [TopLine("The server has not answered for \(seconds) s.", .warning)] }
    }
    let keys =
      if model.overlay != nil { "Esc back  ↑↓ scroll  q quit" } else if model.view.hasRows {
        "? help  q quit  Enter open  / filter  s sort  r reverse  Space pause  Esc back"
      } else { "? help  q quit  ↑↓ scroll  t range  Space pause  Esc back" }
    return [TopLine(keys, .faint)]
  }

  private func sentence(of reason: ClientFailure, since: TopTime) -> String {
    let time = CellText.local(since.unixSeconds * 1_000_000).suffix(8)
    let old = model.data[model.view] == nil ? "" : " The figures are older."
    switch reason.status {
    case .unreachable, .failure, .success, .usage: return "No answer since \(time).\(old) \(reason.description)"
    case .refused, .notFound: return "Refused since \(time).\(old) \(reason.description)"
    }
  }
}

/// The schemas of the answers, by the path of their endpoints.
struct TopSchemas: Sendable {
  private let schemas: [String: Schema]

  init() { schemas = [:] }

  init(_ endpoints: [Endpoint]) {
    var schemas: [String: Schema] = [:]
    for view in TopView.allCases {
      let endpoint = endpoints.first { $0.method == .get && $0.path.template == view.template }
      schemas[view.template] = endpoint?.answers.first?.contents.first { $0.type.isJSON }?.schema
    }
    self.schemas = schemas
  }

  /// The schema of the rows in a member of an answer.
  func rows(of view: TopView, in member: String = "data") -> Schema? {
    schemas[view.template]?.properties.first { $0.name == member }?.schema.element.first
  }

  /// The column of a member of a row.
  func column(_ name: String, of view: TopView, in member: String = "data") -> AnswerColumn {
    AnswerColumn(name: name, schema: rows(of: view, in: member)?.properties.first { $0.name == name }?.schema)
  }
}
