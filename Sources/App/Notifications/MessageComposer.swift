// Decides which messages a channel gets now. The input is what waits for the channel, group by group; a group is the
// events of one kind of one check. There is no clock, database or connection here.
//
//   waiting groups ──group time──▶ due groups ──limit of messages──▶ one message a group, the last one sums up the rest

import Ground

/// The decision about the messages of one channel.
struct MessageComposer: Sendable {
  enum Event: String, CaseIterable, Sendable { case opened, ended }

  /// What waits of one kind of event of one check.
  struct Group: Hashable, Sendable {
    let check: String
    let event: Event
    let count: Int
    /// How many of the findings are critical.
    let criticals: Int
    /// The time of the earliest event.
    let firstAt: Timestamp
  }

  /// How long a group waits for further events after its first one.
  var groupTime: Duration
  /// The largest number of messages within a minute; at least 1.
  var messagesPerMinute: Int
  /// Whether all due groups go into one message, because the target makes its own groups.
  var isBatched = false

  /// Decides which groups are due, and how they are distributed over messages.
  /// - Parameters:
  ///   - waiting: in any order.
  ///   - recent: the number of messages that were composed for the channel within the last minute.
  /// - Returns: the groups of each message. Groups that are in no message wait on.
  func messages(_ waiting: [Group], recent: Int, now: Timestamp) -> [[Group]] {
    let latest = Timestamp(unixMicroseconds: now.unixMicroseconds - groupTime.wholeNanoseconds / 1000)
    let due = waiting.filter { $0.count > 0 && $0.firstAt <= latest }.sorted(by: Self.isMoreUrgent)
    let room = messagesPerMinute - recent
    if due.isEmpty || room <= 0 { return [] }
    if isBatched { return [due] }
    if due.count <= room { return due.map { [$0] } }
    return due.prefix(room - 1).map { [$0] } + [Array(due.dropFirst(room - 1))]
  }

  /// The order in which groups get a message of their own: critical openings, other openings, endings; the earliest
  /// first.
  private static func isMoreUrgent(_ left: Group, _ right: Group) -> Bool {
    let (leftRank, rightRank) = (left.rank, right.rank)
    if leftRank != rightRank { return leftRank < rightRank }
    if left.firstAt != right.firstAt { return left.firstAt < right.firstAt }
    return left.check < right.check
  }
}

extension MessageComposer.Group {
  fileprivate var rank: Int {
    switch event {
    case .opened: criticals > 0 ? 0 : 1
    case .ended: 2
    }
  }
}
