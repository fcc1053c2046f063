import Testing

@testable import Protocol

/// A connection in memory. It takes at most `room` bytes at a time, and records what it gets.
private struct FakeConnection {
  var room: Int
  var wire: [String] = []
  var left: Int

  init(room: Int) {
    self.room = room
    left = room
  }

  mutating func put(_ what: String, _ count: Int) -> Int {
    let taken = min(count, left)
    left -= taken
    if taken > 0 { wire.append("\(what):\(taken)") }
    return taken
  }
}

@Suite struct CopyStateMachineTests {
  /// rows[push][target] is the number of bytes that a push has for a target.
  private static let rows = [[5, 0, 3], [0, 0, 0], [2, 7, 1]]
  /// Bytes 2 to 4 of push 2 for target 1 are not to be stored.
  private static func rowBytes(_ target: Int, _ push: Int, _ offset: Int) -> Range<Int> {
    let end = rows[push][target]
    guard push == 2, target == 1 else { return min(offset, end)..<end }
    return offset < 2 ? offset..<2 : max(offset, 5)..<end
  }

  /// Runs one batch to its commit over a connection that takes `room` bytes at a time.
  /// - Returns: the sent bytes of each (target, push).
  private func run(new: Set<Int>, room: Int) -> [String: [Int]] {
    var machine = CopyStateMachine()
    var sent: [String: [Int]] = [:]
    let steps: [CopyStateMachine.Step] = [.copy(target: 2), .statement, .copy(target: 0), .copy(target: 1)]
    machine.begin(steps: steps, pushCount: 3)
    for push in new.sorted() { machine.pushIsNew(push) }
    do {
      let action = machine.ledgerReturned()
      #expect(action == .wait)
    }
    for step in steps {
      guard case .copy = step else {
        do {
          let action = machine.commandCompleted()
          #expect(action == .wait)
        }
        continue
      }
      var connection = FakeConnection(room: room)
      var action = machine.copyOpened()
      var turns = 0
      loop: while turns < 1000 {
        turns += 1
        switch action {
        case .putHeader: action = machine.headerAccepted(rowBytes: Self.rowBytes)
        case .putRows(let target, let push, let offset):
          let taken = connection.put("rows", Self.rowBytes(target, push, offset).upperBound - offset)
          if taken == 0 {
            connection.left = room
            let resumed = machine.resume()
            #expect(resumed == action)
            continue
          }
          sent["\(target)/\(push)", default: []] += offset..<offset + taken
          action = machine.rowsAccepted(taken, rowBytes: Self.rowBytes)
        case .endCopy:
          do {
            let action = machine.copyEnded()
            #expect(action == .wait)
          }
          break loop
        case .wait, .committed, .failed, .abandoned:
          Issue.record("unexpected \(action)")
          break loop
        }
      }
      do {
        let action = machine.commandCompleted()
        #expect(action == .wait)
      }
    }
    do {
      let action = machine.finished()
      #expect(action == .committed)
    }
    let isIdle = machine.isIdle
    #expect(isIdle)
    for push in 0..<3 {
      let isNew = machine.isNew(push)
      #expect(isNew == new.contains(push))
    }
    return sent
  }

  @Test(arguments: 1...9)
  func `exactly the rows of new pushes are streamed, however little fits at a time`(room: Int) {
    #expect(
      run(new: [0, 1, 2], room: room) == [
        "2/0": [0, 1, 2], "2/2": [0], "0/0": [0, 1, 2, 3, 4], "0/2": [0, 1], "1/2": [0, 1, 5, 6],
      ])
    #expect(run(new: [2], room: room) == ["2/2": [0], "0/2": [0, 1], "1/2": [0, 1, 5, 6]])
    #expect(run(new: [], room: room) == [:])
  }

  @Test func `an error after any event fails the batch once and leaves the connection usable`() {
    for stopAfter in 0...5 {
      var machine = CopyStateMachine()
      machine.begin(steps: [.copy(target: 0)], pushCount: 1)
      if stopAfter > 0 {
        machine.pushIsNew(0)
        _ = machine.ledgerReturned()
      }
      if stopAfter > 1 { _ = machine.copyOpened() }
      if stopAfter > 2 { _ = machine.headerAccepted { _, _, offset in offset..<4 } }
      if stopAfter > 3 { _ = machine.rowsAccepted(4) { _, _, offset in offset..<4 } }
      if stopAfter > 4 { _ = machine.copyEnded() }
      do {
        let action = machine.errorReceived()
        #expect(action == .wait)
      }
      do {
        let action = machine.finished()
        #expect(action == .failed)
      }
      let isIdle = machine.isIdle
      #expect(isIdle)
      machine.begin(steps: [], pushCount: 0)
      do {
        let action = machine.ledgerReturned()
        #expect(action == .wait)
      }
      do {
        let action = machine.finished()
        #expect(action == .committed)
      }
    }
  }

  @Test func `a lost connection leaves the outcome unknown only once the server could have committed`() {
    // (number of events before the loss, whether the outcome is unknown)
    let expected: [(Int, Bool)] = [(0, false), (1, false), (2, false), (3, false), (4, false), (5, true), (6, true)]
    for (done, unknown) in expected {
      var machine = CopyStateMachine()
      machine.begin(steps: [.copy(target: 0)], pushCount: 1)
      if done > 0 {
        machine.pushIsNew(0)
        _ = machine.ledgerReturned()
      }
      if done > 1 { _ = machine.copyOpened() }
      if done > 2 { _ = machine.headerAccepted { _, _, offset in offset..<4 } }
      if done > 3 { _ = machine.rowsAccepted(4) { _, _, offset in offset..<4 } }
      if done > 4 { _ = machine.copyEnded() }
      if done > 5 { _ = machine.commandCompleted() }
      do {
        let action = machine.connectionLost()
        #expect(action == .abandoned(outcomeUnknown: unknown), "after \(done) events")
      }
      let isIdle = machine.isIdle
      #expect(isIdle)
    }
    var idle = CopyStateMachine()
    let action = idle.connectionLost()
    #expect(action == .wait)
  }

  @Test(arguments: [false, true]) func `a trailing statement may commit before its answer`(isCopyAnswered: Bool) {
    var machine = CopyStateMachine()
    machine.begin(steps: [.copy(target: 0), .statement], pushCount: 1)
    _ = machine.ledgerReturned()
    _ = machine.copyOpened()
    _ = machine.headerAccepted { _, _, _ in 0..<0 }
    _ = machine.copyEnded()
    if isCopyAnswered { _ = machine.commandCompleted() }
    do {
      let action = machine.connectionLost()
      #expect(action == .abandoned(outcomeUnknown: true))
    }
  }

  @Test func `a push that begins with a stored one gives only the later rows, and the ledger may answer in parts`() {
    var machine = CopyStateMachine()
    machine.begin(steps: [.copy(target: 0), .copy(target: 1)], ledgerAnswers: 3, pushCount: 2)
    var action = machine.ledgerReturned()
    #expect(action == .wait)
    machine.pushIsNew(0)
    action = machine.ledgerReturned()
    #expect(action == .wait)
    machine.pushIsNew(1)
    _ = machine.ledgerReturned()
    // Of the first push 3 of 5 bytes and all 4 bytes are stored already; of the second push none.
    let ranges = [[3..<5, 4..<4], [0..<2, 0..<1]]
    func due(_ target: Int, _ push: Int, _ offset: Int) -> Range<Int> {
      let range = ranges[push][target]
      return min(max(offset, range.lowerBound), range.upperBound)..<range.upperBound
    }
    var offers: [CopyStateMachine.Action] = []
    for _ in 0..<2 {
      _ = machine.copyOpened()
      action = machine.headerAccepted(rowBytes: due)
      while case .putRows(let target, let push, let offset) = action {
        offers.append(action)
        action = machine.rowsAccepted(ranges[push][target].upperBound - offset, rowBytes: due)
      }
      #expect(action == .endCopy)
      _ = machine.copyEnded()
      _ = machine.commandCompleted()
    }
    #expect(
      offers == [
        .putRows(target: 0, push: 0, offset: 3), .putRows(target: 0, push: 1, offset: 0),
        .putRows(target: 1, push: 1, offset: 0),
      ])
    action = machine.finished()
    #expect(action == .committed)
  }
}
