// What the keys of the live view do.

import Protocol

extension TopModel {
  mutating func press(_ key: TopKey) -> [TopAction] {
    switch key {
    case .control("c"): return [.quit]
    case .control("z"): return [.suspend]
    default: break
    }
    if prompt != nil { return type(key) }
    switch key {
    case .up, .character("k"): return move(by: -1)
    case .down, .character("j"): return move(by: 1)
    case .pageUp, .control("b"): return move(by: -page)
    case .pageDown, .control("f"): return move(by: page)
    case .home, .character("g"): return move(by: -Int.max)
    case .end, .character("G"): return move(by: Int.max)
    case .escape: return back()
    case .enter: return open()
    case .left, .character("<"): return sort(by: -1)
    case .right, .character(">"), .character("s"): return sort(by: 1)
    case .character("r"): return reverse()
    case .character("/"): return filter()
    case .character("t"): return nextRange()
    case .character("+"), .character("="): return wait(1)
    case .character("-"): return wait(-1)
    case .character("i"): return wait(nil)
    case .character(" "):
      isPaused.toggle()
      return isPaused ? [] : asked(ifDue: false)
    case .character("?"), .character("h"):
      if case .help? = overlay { overlay = nil } else { overlay = .help }
      scroll = 0
      return []
    case .character("q"): return [.quit]
    case .character(let character): return TopView(character).map { show($0) } ?? []
    case .backspace, .control: return []
    }
  }

  /// The rows that a page key moves by.
  private var page: Int { max(1, TopFrame(self).room - 1) }

  private mutating func move(by count: Int) -> [TopAction] {
    if overlay != nil || !view.hasRows {
      let (sum, overflow) = scroll.addingReportingOverflow(count)
      scroll = max(0, overflow ? (count > 0 ? .max : 0) : sum)
      // The end of the text is where its last line is the last one of the screen.
      let frame = TopFrame(self)
      scroll = min(scroll, max(0, frame.textLines.count - frame.room))
      return []
    }
    let last = rows.count - 1
    let isAtEnd = count > 0 ? list.selection >= last : list.selection <= 0
    if isAtEnd, abs(count) < Int.max, view.isList { return turn(count > 0 ? 1 : -1) }
    let (sum, overflow) = list.selection.addingReportingOverflow(count)
    select(overflow ? (count > 0 ? last : 0) : sum)
    return []
  }

  /// Goes to the next page of a list, or the one before.
  private mutating func turn(_ step: Int) -> [TopAction] {
    let page = list.page + step
    if page < 1 || page > pages { return [] }
    list.page = page
    list.selected = nil
    list.selection = step > 0 ? 0 : Self.pageSize - 1
    return asked(ifDue: false)
  }

  private mutating func show(_ view: TopView) -> [TopAction] {
    overlay = nil
    scroll = 0
    if view == .fleet {
      choose(nil)
    } else if view.needsServer, server == nil {
      guard let chosen = selectedServer else {
        notice = "There is no server to show: choose one in the fleet."
        return []
      }
      choose(chosen)
    }
    self.view = view
    return asked(ifDue: false)
  }

  /// The server of the selected row of the fleet.
  private var selectedServer: TopServer? {
    guard case .array(let fleet)? = data[.fleet]?.value[member: "data"] else { return nil }
    let list = lists[.fleet] ?? TopList()
    let chosen = list.selected.flatMap { id in fleet.firstIndex { $0[member: "server_id"] == id } } ?? list.selection
    guard fleet.indices.contains(chosen), let id = fleet[chosen][member: "server_id"]?.integer else { return nil }
    let row = fleet[chosen]
    return TopServer(id: id, name: row[member: "name"]?.string ?? String(id))
  }

  /// Opens another server, or none, and forgets the answers about the server that was open.
  private mutating func choose(_ other: TopServer?) {
    if server == other { return }
    server = other
    for view in [TopView.server, .queries, .locks] {
      data[view] = nil
      lists[view]?.selected = nil
      lists[view]?.selection = 0
      lists[view]?.page = 1
    }
  }

  private mutating func open() -> [TopAction] {
    if overlay != nil || !view.hasRows { return [] }
    let rows = rows
    guard rows.indices.contains(list.selection) else { return [] }
    if view == .fleet {
      select(list.selection)
      return show(.server)
    }
    overlay = .row(rows[list.selection])
    scroll = 0
    return []
  }

  private mutating func back() -> [TopAction] {
    scroll = 0
    if overlay != nil {
      overlay = nil
      return []
    }
    if view.hasRows, !list.filter.isEmpty { return apply("") }
    switch view {
    case .fleet: return []
    case .server, .ingest: return show(.fleet)
    case .queries, .locks: return show(server == nil ? .fleet : .server)
    }
  }

  // MARK: Order and filter

  /// The columns that the present list can be sorted by.
  private var sortable: [String] { view.columns.compactMap(\.order) }

  private mutating func sort(by step: Int) -> [TopAction] {
    guard overlay == nil, view.hasRows else { return [] }
    guard view.isList else {
      notice = "A wait tree has one order: each session is followed by those that wait for it."
      return []
    }
    let names = sortable
    let present = names.firstIndex(of: list.sort ?? defaultSort) ?? 0
    list.sort = names[(present + step + names.count) % names.count]
    return reorder()
  }

  /// The member by which the server sorts without a choice.
  private var defaultSort: String { view == .queries ? "total_time" : "urgency" }

  private mutating func reverse() -> [TopAction] {
    guard overlay == nil, view.isList else { return [] }
    if list.sort == nil { list.sort = defaultSort }
    list.isDescending.toggle()
    return reorder()
  }

  /// After a change of the order: begins at the first page.
  private mutating func reorder() -> [TopAction] {
    list.page = 1
    select(0)
    return asked(ifDue: false)
  }

  private mutating func filter() -> [TopAction] {
    guard overlay == nil, view.hasRows else { return [] }
    prompt = list.filter
    return []
  }

  private mutating func type(_ key: TopKey) -> [TopAction] {
    switch key {
    case .enter:
      defer { prompt = nil }
      return apply(prompt ?? "")
    case .escape: prompt = nil
    case .backspace: prompt = prompt.map { String($0.dropLast()) }
    case .control("u"): prompt = ""
    case .character(let character): if let text = prompt, text.count < 200 { prompt = text + String(character) }
    case .up, .down, .left, .right, .pageUp, .pageDown, .home, .end, .control: break
    }
    return []
  }

  private mutating func apply(_ filter: String) -> [TopAction] {
    list.filter = filter
    return reorder()
  }

  // MARK: Time

  private mutating func nextRange() -> [TopAction] {
    let index = Self.ranges.firstIndex(of: range) ?? 0
    range = Self.ranges[(index + 1) % Self.ranges.count]
    return asked(ifDue: false)
  }

  /// Another interval. - Parameter step: nil: the next one, and after the longest the shortest.
  private mutating func wait(_ step: Int?) -> [TopAction] {
    let index = Self.intervals.firstIndex(of: interval) ?? 0
    if let step {
      interval = Self.intervals[max(0, min(index + step, Self.intervals.count - 1))]
    } else {
      interval = Self.intervals[(index + 1) % Self.intervals.count]
    }
    return []
  }
}
