// Reads the database's counters during the run. It has its own thread, because libpq's simple calls block.

internal import Reactor
internal import Synchronization

/// PostgreSQL's own counters (pg_stat_database, pg_stat_wal). PostgreSQL writes them about once a second.
struct DatabaseFigures: Sendable, Equatable {
  var commits = 0
  var rollbacks = 0
  /// Rows inserted into all tables.
  var rowsInserted = 0
  /// Bytes of the write-ahead log. The count is exact, because it is the position in the log.
  var walBytes = 0
  var walRecords = 0
  /// Full pages in the log, which PostgreSQL writes after a checkpoint.
  var walFullPages = 0
  var databaseBytes = 0

  static let statement = """
    SELECT d.xact_commit, d.xact_rollback, d.tup_inserted, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8,
      w.wal_records, w.wal_fpi, pg_database_size(current_database())
    FROM pg_stat_database d, pg_stat_wal w WHERE d.datname = current_database()
    """

  init() {}

  /// - Parameter row: a row of `statement`.
  init?(row: [String?]) {
    let numbers = row.compactMap { $0.flatMap { Int($0) } }
    guard numbers.count == 7 else { return nil }
    (commits, rollbacks, rowsInserted) = (numbers[0], numbers[1], numbers[2])
    (walBytes, walRecords, walFullPages, databaseBytes) = (numbers[3], numbers[4], numbers[5], numbers[6])
  }

  static func - (left: DatabaseFigures, right: DatabaseFigures) -> DatabaseFigures {
    var difference = DatabaseFigures()
    difference.commits = left.commits - right.commits
    difference.rollbacks = left.rollbacks - right.rollbacks
    difference.rowsInserted = left.rowsInserted - right.rowsInserted
    difference.walBytes = left.walBytes - right.walBytes
    difference.walRecords = left.walRecords - right.walRecords
    difference.walFullPages = left.walFullPages - right.walFullPages
    difference.databaseBytes = left.databaseBytes - right.databaseBytes
    return difference
  }
}

/// Takes a sample each second until it is stopped.
final class DatabaseProbe: Sendable {
  typealias Sample = SampleLog<DatabaseFigures>.Sample

  fileprivate struct State {
    var log = SampleLog<DatabaseFigures>()
    var latest: Sample?
    var failure: DatabaseFailure?
  }

  fileprivate final class Shared: Sendable {
    let state = Mutex(State())
  }

  private let shared = Shared()
  private let thread: LoopThread

  /// Connects and takes the first sample. Blocks.
  init(url: String) throws {
    thread = try LoopThread.start(name: "bench-database", index: 0) { [shared] loop in
      try DatabaseSampler(session: DatabaseSession(url: url), loop: loop, shared: shared).sample()
    }
  }

  var log: SampleLog<DatabaseFigures> { shared.state.withLock { $0.log } }

  /// The newest sample.
  var latest: Sample? { shared.state.withLock { $0.latest } }

  /// The reason why sampling ended early; nil if it did not.
  var failure: DatabaseFailure? { shared.state.withLock { $0.failure } }

  func stop() {
    thread.stop()
    thread.join()
  }
}

private final class DatabaseSampler: DeadlineHandler {
  private static let interval: Duration = .seconds(1)

  private let session: DatabaseSession
  private let loop: EventLoop
  private let shared: DatabaseProbe.Shared

  init(session: DatabaseSession, loop: EventLoop, shared: DatabaseProbe.Shared) {
    self.session = session
    self.loop = loop
    self.shared = shared
  }

  func sample() throws(DatabaseFailure) {
    let rows = try session.rows(DatabaseFigures.statement)
    guard let row = rows.first, let figures = DatabaseFigures(row: row) else {
      throw DatabaseFailure(description: "database: no counters; PostgreSQL before 14 has none of its log")
    }
    let sample = DatabaseProbe.Sample(at: .now(), value: figures)
    shared.state.withLock { state in
      state.log.offer(figures, at: sample.at)
      state.latest = sample
    }
    _ = loop.schedule(self, at: .now() + Self.interval)
  }

  func deadlineReached(_ id: TimerID) {
    do {
      try sample()
    } catch {
      shared.state.withLock { $0.failure = error }
    }
  }
}
