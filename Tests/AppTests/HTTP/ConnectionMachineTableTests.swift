// Checks all transitions of the connection's machine: each event that may occur, in each state that can be reached.

import Ground
import Testing

@testable import App

extension ConnectionMachine.Event {
  /// All events, with each of their values.
  static let all: [ConnectionMachine.Event] =
    [
      .opened, .unwatched, .headerRead, .tlsBegun, .established, .headBegun, .bodyEnded, .requestBroken, .streamBegun,
      .partSent, .answered, .cutOff, .failed,
    ]
    + ConnectionMachine.Admission.allCases.map { .admitted($0) }
    + [false, true].flatMap { value -> [ConnectionMachine.Event] in
      [
        .refusedBeforeTLS(isAnswered: value), .bodyTaken(isChunked: value), .bodyRefused(isRestShort: value),
        .answerBegun(keepsAlive: value), .deadlineReached(isHeadBegun: value), .peerClosed(isAnswerWanted: value),
        .revoked(isCollectors: value), .drained(isHeadBegun: value), .blocked(hasTaken: value),
        .flushed(isHeadBegun: value), .skipped(isTooMuch: value),
      ]
    }
}

@Suite struct ConnectionMachineTableTests {
  private struct Transition {
    let from: ConnectionMachine.State
    let event: ConnectionMachine.Event
    let actions: [ConnectionMachine.Action]
    let to: ConnectionMachine.State
  }

  private static func step(_ state: ConnectionMachine.State, _ event: ConnectionMachine.Event) -> Transition {
    var machine = ConnectionMachine(state)
    let actions = machine.tell(event)
    return Transition(from: state, event: event, actions: actions, to: machine.state)
  }

  /// All transitions between states that can be reached, each once.
  private static let transitions: [Transition] = {
    var found: [Transition] = []
    var seen: Set<ConnectionMachine.State> = []
    var waiting: [ConnectionMachine.State] = [false, true].map { value in
      var machine = ConnectionMachine(awaitsHeader: value)
      _ = machine.tell(.opened)
      return machine.state
    }
    while let state = waiting.popLast() {
      if !seen.insert(state).inserted { continue }
      for event in ConnectionMachine.Event.all where event.isExpected(in: state.phase) && event != .opened {
        let transition = step(state, event)
        found.append(transition)
        waiting.append(transition.to)
      }
    }
    return found
  }()

  @Test func `every phase can be reached, and none of them is without a way out`() {
    let reached = Set(Self.transitions.map(\.to.phase)).union([.proxied, .arriving])
    #expect(reached == Set(ConnectionMachine.Phase.allCases))
    for phase in ConnectionMachine.Phase.allCases where phase != .gone {
      let exits = Self.transitions.filter { $0.from.phase == phase && $0.to.phase != phase }
      #expect(!exits.isEmpty, "\(phase)")
    }
    #expect(Self.transitions.count > 300, "\(Self.transitions.count)")
  }

  @Test func `a deadline counts in every state but between a refusal and its end`() {
    for transition in Self.transitions where transition.to.phase != .gone && transition.to.phase != .refusing {
      #expect(transition.to.wait != nil, "\(transition)")
    }
  }

  @Test func `time alone ends every connection`() {
    for start in Set(Self.transitions.map(\.to)) where start.phase != .refusing {
      for isHeadBegun in [false, true] {
        var (state, steps) = (start, 0)
        while state.phase != .gone, steps < 20 {
          if state.phase == .refusing {
            // The connection closes after an incomplete head.
            state = Self.step(state, .answerBegun(keepsAlive: !isHeadBegun)).to
            state = Self.step(state, .answered).to
          } else {
            state = Self.step(state, .deadlineReached(isHeadBegun: isHeadBegun)).to
          }
          steps += 1
        }
        #expect(state.phase == .gone, "\(start)")
      }
    }
  }

  @Test func `the deadline that counts is the one that was armed last`() {
    for transition in Self.transitions {
      let armed = transition.actions.compactMap { action -> ConnectionMachine.Wait? in
        if case .arm(let wait) = action { wait } else { nil }
      }
      #expect(armed.count <= 1, "\(transition)")
      if let wait = armed.last { #expect(transition.to.wait == wait, "\(transition)") }
      // While the client takes nothing, only the write deadline counts.
      if transition.to.isBlocked { #expect(transition.to.wait == .write, "\(transition)") }
    }
    let waits = Set(Self.transitions.compactMap(\.to.wait))
    #expect(waits == Set(ConnectionMachine.Wait.allCases))
  }

  @Test func `everything is given back once, as the last of all`() {
    for transition in Self.transitions {
      let ends = transition.from.phase != .gone && transition.to.phase == .gone && transition.event != .unwatched
      #expect(transition.actions.contains(.release) == ends, "\(transition)")
      if ends { #expect(transition.actions.last == .release, "\(transition)") }
      if transition.from.phase == .gone { #expect(transition.actions.isEmpty && transition.to.phase == .gone) }
    }
  }

  @Test func `nothing is asked of a connection that is over`() {
    let over: Set<ConnectionMachine.Phase> = [.closing, .lingering, .gone]
    for transition in Self.transitions where over.contains(transition.from.phase) {
      #expect(over.contains(transition.to.phase), "\(transition)")
      #expect(!transition.actions.contains(.resume) && !transition.actions.contains(.store), "\(transition)")
    }
  }

  // MARK: The document

  /// The transitions of each phase while the client takes bytes, has not closed its half and has its access. Events
  /// that differ only in a value, with the same result, share a line.
  private static var table: String {
    var lines = ["| Phase | Event | Actions | Then |", "| --- | --- | --- | --- |"]
    for phase in ConnectionMachine.Phase.allCases where phase != .gone {
      let rows = ConnectionMachine.Event.all.filter { $0.isExpected(in: phase) }.map { event in
        (plain("\(event)"), step(ConnectionMachine.State(phase: phase), event))
      }
      for (event, one) in rows where !one.actions.isEmpty || one.to.phase != phase {
        let kind = event.prefix { $0 != "(" }
        let kin = rows.filter { $0.0.prefix { $0 != "(" } == kind }
        let isSame = kin.count > 1 && kin.allSatisfy { $0.1.actions == one.actions && $0.1.to == one.to }
        if isSame, kin[0].0 != event { continue }
        let actions = one.actions.map { plain("\($0)") }.joined(separator: ", ")
        lines.append("| \(phase) | \(isSame ? String(kind) : event) | \(actions) | \(one.to.phase) |")
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func plain(_ words: String) -> String {
    ["App.ConnectionMachine.", "Admission.", "Wait.", "Cause."].reduce(words) { $0.replacing($1, with: "") }
  }

  @Test func `the document has this table`() throws {
    let text = try Checkout.text("docs/CONNECTION.md")
    let start = try #require(text.firstRange(of: "| Phase | Event |")?.lowerBound)
    try PrintedDocument(name: "CONNECTION.md", text: text[..<start] + Self.table + "\n").check()
  }
}
