// When findings open and end. The machine gets the rows of one check at one time and says what changes. Evaluation and
// backtest use the same machine, so a backtest finds what an evaluation would have found.
//
//            opens                    no row, but a marker; or a row that neither opens nor holds
//   (none) ────────▶ open ──────────────────────────────────────────────────────────────────────▶ ended
//                    │  ▲
//                    └──┘ a row that opens or holds; neither a row nor a marker of the server

/// Names an open finding of a check. A check has at most one for each key.
struct FindingKey: Hashable, Sendable {
  let serverID: Int32
  let subject: String
}

/// Why a finding ended.
enum EndReason: String, CaseIterable, ResponseValue {
  /// There was data, and it no longer shows what the finding says.
  case recovered
  /// There was data, and the subject is no longer in it: a slot was dropped, a file system unmounted.
  case gone
  /// The monitored server is being removed.
  case serverRemoved = "server_removed"
  /// A person switched the check off, or the program has no such check.
  case checkOff = "check_off"
}

/// The open findings of one check.
struct FindingMachine: Sendable {
  /// What the rows of one time change.
  struct Evaluation: Equatable, Sendable {
    struct End: Equatable, Sendable {
      let key: FindingKey
      let reason: EndReason
    }

    var opened: [CheckRow] = []
    /// Rows of findings that stay open.
    var kept: [CheckRow] = []
    var ended: [End] = []
    /// Servers of which the check had no data. Their findings stay as they are.
    var withoutData: [Int32] = []
    /// The number of findings that did not open because the server has `mostSubjects` open findings of the check.
    var suppressed = 0

    /// Whether no finding opens or ends.
    var isQuiet: Bool { opened.isEmpty && ended.isEmpty }
  }

  /// The largest number of open findings of one check and one server. More would tell a person no more.
  static let mostSubjects = 100

  /// What the end of a finding is called whose subject has no row although there was data.
  let absence: EndReason
  private(set) var open: Set<FindingKey>

  init(absence: EndReason, open: Set<FindingKey> = []) {
    self.absence = absence
    self.open = open
  }

  /// Takes the rows of one evaluation.
  /// - Parameters:
  ///   - rows: the rows of the check's statement. Of several rows of one subject the first counts.
  ///   - servers: the servers that were evaluated. Rows and findings of others are ignored.
  mutating func evaluate(_ rows: [CheckRow], of servers: [Int32]) -> Evaluation {
    var evaluation = Evaluation()
    let servers = Set(servers)
    var counts: [Int32: Int] = [:]
    for key in open { counts[key.serverID, default: 0] += 1 }
    var withData: Set<Int32> = []
    var withList: Set<Int32> = []
    var seen: Set<FindingKey> = []
    var openings: [CheckRow] = []
    for row in rows where servers.contains(row.serverID) {
      withData.insert(row.serverID)
      guard let subject = row.subject else {
        withList.insert(row.serverID)
        continue
      }
      let key = FindingKey(serverID: row.serverID, subject: subject)
      guard seen.insert(key).inserted else { continue }
      switch (open.contains(key), row.opens, row.holds) {
      case (true, true, _), (true, false, true): evaluation.kept.append(row)
      case (true, false, false):
        evaluation.ended.append(.init(key: key, reason: .recovered))
        open.remove(key)
        counts[key.serverID, default: 0] -= 1
      case (false, true, _): openings.append(row)
      case (false, false, _): break
      }
    }
    // Rows without a marker are of a list that may lack subjects.
    let absent = open.filter { withList.contains($0.serverID) && !seen.contains($0) }
    for key in absent.sorted() {
      evaluation.ended.append(.init(key: key, reason: absence))
      open.remove(key)
      counts[key.serverID, default: 0] -= 1
    }
    // Endings come first, so that they make room for openings of the same time.
    for row in openings {
      guard counts[row.serverID, default: 0] < Self.mostSubjects else {
        evaluation.suppressed += 1
        continue
      }
      counts[row.serverID, default: 0] += 1
      open.insert(FindingKey(serverID: row.serverID, subject: row.subject ?? ""))
      evaluation.opened.append(row)
    }
    evaluation.withoutData = servers.subtracting(withData).sorted()
    return evaluation
  }
}

extension FindingKey: Comparable {
  static func < (left: FindingKey, right: FindingKey) -> Bool {
    (left.serverID, left.subject) < (right.serverID, right.subject)
  }
}
