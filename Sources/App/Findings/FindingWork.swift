// The background work on findings: evaluation, and the removal of old findings and silences.

import Ground
import Protocol

/// Evaluates the checks while the server runs.
struct FindingWork: Sendable {
  /// The time between two removals of old findings.
  private static let pruneInterval = Duration.seconds(3600)

  let watch = FindingWatch()
  private let database: Database
  private let settings: Live<FindingSettings>
  private let log: ServerLog

  init(database: Database, settings: Live<FindingSettings>, log: ServerLog) {
    self.database = database
    self.settings = settings
    self.log = log
  }

  /// Evaluates until the task is cancelled.
  func run() async {
    await Evaluator(database: database, settings: settings).run { event in
      switch event {
      case .finished(let round, let time):
        watch.count(round, time)
        log.debug(
          "checks evaluated",
          ["servers": round.servers, "opened": round.opened, "ended": round.ended, "statements": round.statements])
      case .checkFailed(let check, let error):
        log.warning("check failed", ["check": check, "error": "\(error)"])
      case .failed(let error):
        watch.countFailedRound()
        log.warning("evaluating checks failed", ["error": "\(error)"])
      }
    } look: {
      do throws(DatabaseError) {
        try await watch.look(database)
      } catch {
        log.debug("the state of findings could not be read", ["error": "\(error)"])
      }
    }
  }

  /// Removes old findings and silences until the task is cancelled. Several servers may do so at once.
  func prune() async {
    while !Task.isCancelled {
      let seconds = Double(settings.now.retention.wholeSeconds)
      do throws(DatabaseError) {
        while try await database.one(FindingStatements.prune, seconds)?.value == FindingStatements.pruneStep {}
        try await database.execute(FindingStatements.pruneSilences, seconds)
      } catch {
        log.warning("old findings not removed", ["error": "\(error)"])
      }
      do { try await Task.sleep(for: Self.pruneInterval) } catch { return }
    }
  }
}
