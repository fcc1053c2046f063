// The state of the live view. The model has no terminal, no clock and no connection: it takes events and returns actions.

import Ground
import Protocol
import Reactor

enum TopEvent: Sendable {
  case key(TopKey)
  case answer(TopQuestion, Result<JSONValue, ClientFailure>)
  /// Time has passed.
  case tick(TopTime)
  case resize(TopSize)
}

/// The two clocks at one moment.
struct TopTime: Equatable, Sendable {
  var monotonic: MonotonicTime
  var unixSeconds: Int64
}

enum TopAction: Equatable, Sendable {
  case ask(TopQuestion)
  case draw
  /// Stop the process, as Ctrl-Z does.
  case suspend
  case quit
}

/// What a view shows.
struct TopData: Sendable {
  var value: JSONValue
  /// The answer before it to the same view; nil after the first one.
  var before: JSONValue?
  var receivedAt: TopTime
}

/// The part of the state that each list has of its own.
struct TopList: Sendable {
  var selection = 0
  /// The identity of the selected row: it stays selected when rows move.
  var selected: JSONValue?
  /// The member that the rows are sorted by; nil: the order of the server.
  var sort: String?
  var isDescending = true
  var filter = ""
  /// From 1.
  var page = 1
}

struct TopModel: Sendable {
  static let intervals = [1, 2, 5, 10, 30]
  static let ranges = ["15m", "1h", "6h", "24h"]
  static let pageSize = PageSelection.sizes.upperBound

  /// A text over the view.
  enum Overlay: Sendable {
    case help
    /// All members of a row.
    case row(JSONValue)
  }

  let host: String
  var size: TopSize
  var now: TopTime
  var view = TopView.fleet
  var server: TopServer?
  var overlay: Overlay?
  var lists: [TopView: TopList] = [:]
  var data: [TopView: TopData] = [:]
  /// The first line of a text that is longer than the screen.
  var scroll = 0
  /// The filter that is being typed.
  var prompt: String?
  var interval = 2
  var range = "1h"
  var isPaused = false
  /// Why the last question got no answer, and since when.
  var failure: (reason: ClientFailure, since: TopTime)?
  /// A sentence about the last key.
  var notice: String?
  /// The question that waits for its answer.
  private(set) var pending: TopQuestion?
  private(set) var askedAt: MonotonicTime?

  init(host: String, size: TopSize, now: TopTime) {
    (self.host, self.size, self.now) = (host, size, now)
  }

  var list: TopList {
    get { lists[view] ?? TopList() }
    set { lists[view] = newValue }
  }

  mutating func handle(_ event: TopEvent) -> [TopAction] {
    switch event {
    case .resize(let size):
      self.size = size
      return [.draw]
    case .tick(let now):
      self.now = now
      return asked(ifDue: true) + [.draw]
    case .answer(let question, let result):
      pending = nil
      take(result, of: question)
      // The person has gone on to another view in the meantime.
      return (question == self.question ? [] : asked(ifDue: false)) + [.draw]
    case .key(let key):
      notice = nil
      return press(key) + [.draw]
    }
  }

  /// Asks for the present view, unless a question waits for its answer.
  /// - Parameter ifDue: only if the interval has passed.
  mutating func asked(ifDue: Bool) -> [TopAction] {
    if pending != nil { return [] }
    if ifDue {
      if isPaused { return [] }
      if let askedAt, askedAt.duration(to: now.monotonic) < .seconds(interval) { return [] }
    }
    guard let question else { return [] }
    pending = question
    askedAt = now.monotonic
    return [.ask(question)]
  }

  private mutating func take(_ result: Result<JSONValue, ClientFailure>, of question: TopQuestion) {
    switch result {
    case .success(let value):
      failure = nil
      // An answer about another server, or in another order, is not what the person sees now.
      guard question == self.question(of: question.view) else { return }
      data[question.view] = TopData(value: value, before: data[question.view]?.value, receivedAt: now)
      keepSelection(of: question.view)
    case .failure(let reason): failure = (reason, failure?.since ?? now)
    }
  }

  /// The question of the present view; nil if it needs a server and there is none.
  var question: TopQuestion? { question(of: view) }

  private func question(of view: TopView) -> TopQuestion? {
    let list = lists[view] ?? TopList()
    var pairs: [String] = []
    var path = view.template
    if view.needsServer {
      guard let server else { return nil }
      path = path.replacing("{id}", with: String(server.id))
    }
    if view.isList {
      pairs += ["page=\(list.page)", "page_size=\(Self.pageSize)"]
      if let sort = list.sort { pairs.append("sort=" + (list.isDescending ? "-" : "") + sort) }
      if !list.filter.isEmpty { pairs.append("q=" + PercentEncoding.encode(list.filter)) }
    }
    if view == .queries, let server { pairs.append("server=\(server.id)") }
    if view == .queries || view.needsServer { pairs.append("start_time=\(range)") }
    return TopQuestion(view: view, target: path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")))
  }

  /// The rows of the present view, in their order.
  var rows: [JSONValue] {
    guard view.hasRows, case .array(let all)? = data[view]?.value[member: "data"] else { return [] }
    if view == .locks { return all.filter { matches($0) } }
    guard let sort = list.sort else { return all }
    // The server has sorted its answer; an older answer is sorted here until the next one comes.
    var table = AnswerTable(rows: all, schema: nil)
    table.sort(by: AnswerColumn(name: sort), isDescending: list.isDescending)
    return table.rows
  }

  private func matches(_ row: JSONValue) -> Bool {
    list.filter.isEmpty || CommandValue.compact(row).lowercased().contains(list.filter.lowercased())
  }

  /// The number of pages of the present list.
  var pages: Int { max(1, Int(data[view]?.value[member: "total_pages"]?.integer ?? 1)) }

  private mutating func keepSelection(of view: TopView) {
    guard view == self.view, view.hasRows else { return }
    let rows = rows
    if let selected = list.selected, let index = rows.firstIndex(where: { $0[member: view.identity] == selected }) {
      list.selection = index
    } else {
      // Until the person has moved, the first row is the chosen one, whichever row that is.
      list.selection = max(0, min(list.selection, rows.count - 1))
      list.selected = nil
    }
  }

  /// Selects a row of the present list.
  mutating func select(_ index: Int) {
    let rows = rows
    list.selection = max(0, min(index, rows.count - 1))
    list.selected = rows.isEmpty ? nil : rows[list.selection][member: view.identity]
  }
}
