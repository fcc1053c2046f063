// Whether a load balancer should send requests to this server, and if not, why. The answer takes at most a second: a
// part that does not answer by then is a reason by itself.

import Protocol
import Reactor
import Synchronization

/// A reason for not being ready, or a background problem that does not prevent requests (`isBlocking`). Programs read
/// the raw value; `sentence` is for people.
enum Unreadiness: String, CaseIterable, Sendable {
  case draining
  case databaseUnreachable = "database_unreachable"
  case databaseReadOnly = "database_read_only"
  case writersDisconnected = "writers_disconnected"
  case memoryExhausted = "memory_exhausted"
  case commitsStalled = "commits_stalled"
  case loopSilent = "loop_silent"
  case storageJobsFailing = "storage_jobs_failing"

  /// Whether requests should go to another server. A problem that all servers of the database share does not block.
  var isBlocking: Bool {
    switch self {
    case .draining, .databaseUnreachable, .databaseReadOnly, .writersDisconnected, .memoryExhausted, .commitsStalled,
      .loopSilent:
      true
    case .storageJobsFailing: false
    }
  }

  var sentence: String {
    switch self {
    case .draining: "The server is stopping: it answers the requests in progress and accepts no new connections."
    case .databaseUnreachable: "The database does not answer: nothing can be read, and nobody can log in."
    case .databaseReadOnly: "The database rejects writes: it is a standby, or is configured to be read only."
    case .writersDisconnected: "A loop has no connection to the database: pushes that come in there are refused."
    case .memoryExhausted:
      "A loop holds as many bytes as it may (bytes_in_flight) and has just refused pushes for this reason."
    case .commitsStalled:
      "Several writers wait for the database, and no commit has ended for a while (commits_stalled_after): a standby is missing, or PostgreSQL hangs."
    case .loopSilent: "A loop of the server does not answer."
    case .storageJobsFailing:
      "TimescaleDB's jobs fail: chunks are not compressed, or not dropped. `pganalytics db status` says which and why."
    }
  }
}

/// A lane's report on its readiness.
struct LaneReadiness: Sendable {
  var reasons: Set<Unreadiness> = []
  /// The number of writers whose database has been silent for `commits_stalled_after`.
  var silentWriters = 0
  /// When a batch was last committed.
  var committedAt = MonotonicTime(nanoseconds: 0)

  static func += (left: inout LaneReadiness, right: LaneReadiness) {
    left.reasons.formUnion(right.reasons)
    left.silentWriters += right.silentWriters
    left.committedAt = max(left.committedAt, right.committedAt)
  }
}

/// Checks lanes and database on request, and logs when the result changes.
final class ReadinessProbe: Sendable {
  /// The longest wait for the answers of lanes and database. Both are asked at the same time, so a client waits no
  /// longer than this.
  static let patience = Duration.milliseconds(800)
  /// If the database has answered any request within this time, it counts as reachable even if all its sessions are
  /// busy.
  private static let recently = Duration.seconds(2)
  /// How long an answer of the database stays valid. Many requests within this time cause one statement.
  private static let memory = Duration.milliseconds(300)

  /// What the database currently allows.
  enum Access: Sendable {
    case full, readOnly, none
  }

  private struct State {
    var question: Task<Access, Never>?
    var answer: (access: Access, at: MonotonicTime)?
    var reasons: [Unreadiness] = []
  }

  private let lanes: any WatchedLanes
  private let database: Database
  private let settings: LiveSettings
  private let storage: StorageWatch
  private let log: ServerLog
  private let state = Mutex(State())

  init(lanes: any WatchedLanes, database: Database, storage: StorageWatch, settings: LiveSettings, log: ServerLog) {
    self.lanes = lanes
    self.storage = storage
    self.database = database
    self.settings = settings
    self.log = log
  }

  /// All reasons, in the order of their declaration; empty if the server is ready.
  func reasons() async -> [Unreadiness] {
    async let access = databaseAccess()
    let lanes = await result(within: Self.patience) { [lanes] in await lanes.readiness() }
    var found: Set<Unreadiness> = lanes?.reasons ?? [.loopSilent]
    if let lanes, lanes.silentWriters >= 2,
      MonotonicTime.now() - lanes.committedAt >= settings.now.commitsStalledAfter
    {
      found.insert(.commitsStalled)
    }
    switch await access {
    case .full: break
    case .readOnly: found.insert(.databaseReadOnly)
    case .none: found.insert(.databaseUnreachable)
    }
    if !storage.snapshot.failedJobs.isEmpty { found.insert(.storageJobsFailing) }
    let reasons = Unreadiness.allCases.filter(found.contains)
    logChange(of: reasons)
    return reasons
  }

  /// Asks the database. Only one question is in flight: concurrent callers wait for the same answer.
  func databaseAccess() async -> Access {
    let (known, question) = state.withLock { state -> (Access?, Task<Access, Never>?) in
      if let answer = state.answer, MonotonicTime.now() - answer.at < Self.memory { return (answer.access, nil) }
      if let question = state.question { return (nil, question) }
      let question = Task { await ask() }
      state.question = question
      return (nil, question)
    }
    if let known { return known }
    guard let question else { return .none }
    if let answer = await result(within: Self.patience, of: { await question.value }) { return answer }
    return MonotonicTime.now() - database.answeredAt < Self.recently ? .full : .none
  }

  private func ask() async -> Access {
    let access: Access
    do throws(DatabaseError) {
      access = try await database.one(ReadinessStatements.ping)?.value == false ? .full : .readOnly
    } catch {
      access = error.isReadOnly ? .readOnly : .none
    }
    state.withLock { state in
      state.question = nil
      state.answer = (access, .now())
    }
    return access
  }

  private func logChange(of reasons: [Unreadiness]) {
    let isNew = state.withLock { state in
      defer { state.reasons = reasons }
      return state.reasons != reasons
    }
    if !isNew { return }
    if reasons.isEmpty { return log.info("ready again") }
    log.warning("not ready", ["reasons": reasons.map(\.rawValue).joined(separator: " ")])
  }
}

enum ReadinessStatements {
  static let all = [ping.description]
  /// Whether the session cannot write.
  static let ping = Statement<SingleValue<Bool>>(
    "ping", "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS is_read_only")
}
