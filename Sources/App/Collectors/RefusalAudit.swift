// Refusals of identities in the audit trail. Whoever is refused can come back as often as it likes, so the trail gets the
// first one at once and after that a line an hour at most, which says how many there were in between.

import Protocol
import Reactor
import Synchronization

/// Shared by the lanes and the endpoints of a process. Only refusals pass here.
final class RefusalAudit: Sendable {
  /// Refusals of one kind, of one identity (or address, where there is none).
  private struct Key: Hashable {
    let action: AuditAction
    let who: String
    let reason: Problem.Kind
  }

  private struct Entry {
    /// When the next line may be written.
    var quietUntil: MonotonicTime
    /// Refusals since the last line.
    var unwritten = 0
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var lines: TokenBucket
  }

  static let interval = Duration.seconds(3600)
  /// Identities and addresses that are remembered. One more, and those who may have a line are forgotten, with their
  /// numbers; the others are fewer than lines can be written in an hour.
  static let remembered = 10_000
  /// Lines of all identities together: a burst, then one a second.
  static let burst = 100.0
  private static let linesPerSecond = 1.0

  private let state: Mutex<State>
  private let write: @Sendable (AuditEvent) -> Void

  /// - Parameter write: what a line does; it must not block.
  init(now: MonotonicTime = .now(), _ write: @escaping @Sendable (AuditEvent) -> Void) {
    state = Mutex(State(lines: TokenBucket(burst: Self.burst, now: now)))
    self.write = write
  }

  convenience init(database: Database, log: ServerLog) {
    self.init { event in
      Task { () async -> Void in
        do throws(DatabaseError) {
          try await database.audit(event)
        } catch {
          log.warning("refusal not audited", ["action": event.action.rawValue, "error": "\(error)"])
        }
      }
    }
  }

  var identities: Int { state.withLock { $0.entries.count } }

  /// Writes that `event` was refused for the reason of `problem`, or counts it.
  func record(_ event: AuditEvent, _ problem: Problem, now: MonotonicTime = .now()) {
    let who = event.actor == Principal.anonymous.actor ? event.address ?? "" : event.actor
    let key = Key(action: event.action, who: who, reason: problem.kind)
    guard let unwritten = state.withLock({ Self.take(key, &$0, now) }) else { return }
    var event = event.refused(problem)
    if unwritten > 0 { event.details["repeated"] = .integer(Int64(unwritten)) }
    write(event)
  }

  /// - Returns: how many were not written since the last line; nil if this one is not written either.
  private static func take(_ key: Key, _ state: inout State, _ now: MonotonicTime) -> Int? {
    if state.entries[key] == nil, state.entries.count >= remembered {
      state.entries = state.entries.filter { now < $0.value.quietUntil }
    }
    let entry = state.entries[key] ?? Entry(quietUntil: now)
    let isWritten =
      now >= entry.quietUntil && state.lines.take(1, perSecond: linesPerSecond, burst: burst, now: now) == nil
    state.entries[key] =
      isWritten
      ? Entry(quietUntil: now + interval) : Entry(quietUntil: entry.quietUntil, unwritten: entry.unwritten + 1)
    return isWritten ? entry.unwritten : nil
  }
}

extension AuditEvent {
  /// How the trail names a collector, as who acts or as what something is done to.
  static func collector(_ id: UUID) -> String { "collector:\(id)" }
}
