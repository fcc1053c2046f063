import Testing

@testable import App

/// Which messages a channel gets, and when.
@Suite struct MessageComposerTests {
  private static let minute = Timestamp(unixSeconds: 60)

  private func group(
    _ check: String, _ event: MessageComposer.Event = .opened, at seconds: Int64 = 0, count: Int = 1, criticals: Int = 0
  ) -> MessageComposer.Group {
    MessageComposer.Group(
      check: check, event: event, count: count, criticals: criticals, firstAt: Timestamp(unixSeconds: seconds))
  }

  private func messages(
    _ groups: [MessageComposer.Group], limit: Int = 3, recent: Int = 0, isBatched: Bool = false,
    now: Timestamp = Self.minute
  ) -> [[String]] {
    MessageComposer(groupTime: .seconds(60), messagesPerMinute: limit, isBatched: isBatched)
      .messages(groups, recent: recent, now: now).map { $0.map { "\($0.check) \($0.event)" } }
  }

  @Test func `nothing waits, nothing is sent`() { #expect(messages([]).isEmpty) }

  @Test func `a group is due when its first event is as old as the group time`() {
    #expect(messages([group("a", at: 0)], now: Timestamp(unixMicroseconds: 59_999_999)).isEmpty)
    #expect(messages([group("a", at: 0)], now: Timestamp(unixMicroseconds: 60_000_000)) == [["a opened"]])
  }

  @Test func `a group without findings gets no message`() { #expect(messages([group("a", count: 0)]).isEmpty) }

  @Test func `a thousand findings of a check are one message`() {
    #expect(messages([group("a", count: 1000)]) == [["a opened"]])
  }

  @Test func `openings and endings of a check are groups of their own`() {
    #expect(messages([group("a", .ended), group("a")]) == [["a opened"], ["a ended"]])
  }

  @Test(arguments: [
    (1, [["a opened", "b opened", "c opened", "d opened"]]),
    (2, [["a opened"], ["b opened", "c opened", "d opened"]]),
    (3, [["a opened"], ["b opened"], ["c opened", "d opened"]]),
    (4, [["a opened"], ["b opened"], ["c opened"], ["d opened"]]),
    (5, [["a opened"], ["b opened"], ["c opened"], ["d opened"]]),
  ])
  func `the last message of the limit sums up the rest`(_ limit: Int, _ expected: [[String]]) {
    #expect(messages(["a", "b", "c", "d"].map { group($0) }, limit: limit) == expected)
  }

  @Test func `messages of the last minute count, and what exceeds the limit waits`() {
    let groups = ["a", "b"].map { group($0) }
    #expect(messages(groups, limit: 3, recent: 2) == [["a opened", "b opened"]])
    #expect(messages(groups, limit: 3, recent: 3).isEmpty)
    #expect(messages(groups, limit: 3, recent: 4).isEmpty, "the limit was lowered")
  }

  @Test func `groups that are not due are not summed up either`() {
    let groups = [group("a"), group("b"), group("late", at: 30)]
    #expect(messages(groups, limit: 1) == [["a opened", "b opened"]])
  }

  @Test func `critical openings come first, endings last, the earliest first among equals`() {
    let groups = [
      group("ended", .ended, at: -9, criticals: 1), group("warning", at: -5), group("later", at: -1, criticals: 1),
      group("earlier", at: -2, count: 5, criticals: 1),
    ]
    let expected = [["earlier opened"], ["later opened"], ["warning opened"], ["ended ended"]]
    #expect(messages(groups, limit: 9) == expected)
    #expect(messages(groups.reversed(), limit: 9) == expected)
  }

  @Test func `a target that makes groups itself gets all of them in one message`() {
    let groups = ["a", "b", "c", "d"].map { group($0) }
    #expect(messages(groups, limit: 9, isBatched: true) == [["a opened", "b opened", "c opened", "d opened"]])
    #expect(messages(groups, limit: 1, recent: 1, isBatched: true).isEmpty)
  }

  /// 1,000 servers that push once a minute fall silent at once. Their findings open over 65 s, in steps of 5 s, with a
  /// second check that follows each of them.
  @Test func `a fleet that falls silent at once gives at most three messages`() {
    let composer = MessageComposer(groupTime: .seconds(60), messagesPerMinute: 3)
    var waiting: [String: MessageComposer.Group] = [:]
    var sent: [(at: Int64, groups: [MessageComposer.Group])] = []
    for second in stride(from: Int64(0), through: 400, by: 1) {
      if second <= 65, second % 5 == 0 {
        let known = waiting["silent_collector"]
        waiting["silent_collector"] = group(
          "silent_collector", at: known.map { $0.firstAt.unixMicroseconds / 1_000_000 } ?? second,
          count: (known?.count ?? 0) + 72)
      }
      let recent = sent.count { second - $0.at < 60 }
      let now = Timestamp(unixSeconds: second)
      for message in composer.messages(Array(waiting.values), recent: recent, now: now) {
        sent.append((second, message))
        for group in message { waiting[group.check] = nil }
      }
    }
    #expect(sent.map(\.at) == [60, 125])
    #expect(sent.flatMap(\.groups).reduce(0) { $0 + $1.count } == 14 * 72, "every finding is reported once")
  }

  @Test func `every group is in exactly one message or waits, whatever the numbers are`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let groups = (0..<Int.random(in: 0...12, using: &random)).map { index in
        group(
          "check\(index)", Bool.random(using: &random) ? .opened : .ended, at: .random(in: -20...20, using: &random),
          count: .random(in: 0...3, using: &random), criticals: .random(in: 0...1, using: &random))
      }
      let (limit, recent) = (Int.random(in: 1...6, using: &random), Int.random(in: 0...6, using: &random))
      let now = Timestamp(unixSeconds: 60)
      let messages = MessageComposer(groupTime: .seconds(60), messagesPerMinute: limit)
        .messages(groups, recent: recent, now: now)
      let due = groups.filter { $0.count > 0 && $0.firstAt <= Timestamp(unixSeconds: 0) }
      #expect(messages.count <= max(0, limit - recent))
      #expect(!messages.contains([]))
      let sent = messages.flatMap { $0 }
      #expect(Set(sent).count == sent.count)
      #expect(Set(sent) == (recent < limit ? Set(due) : []), "\(groups) limit \(limit) recent \(recent)")
    }
  }
}
