// Records in the audit trail that collectors and enrolments were refused. A refused client comes back, a revoked
// collector every minute. So the trail gets the first refusal of an identity at once, and then at most one line an hour
// that counts the refusals in between. All of these lines together obey the trail's own limit per minute.

import Ground
import Protocol
import Reactor
import Synchronization

/// Shared by the lanes and the endpoints of a process. Any thread may call it.
final class IdentityRefusals: Sendable {
  /// Refusals of one kind for one identity, or for one address if there is no identity.
  private struct Key: Hashable {
    let action: AuditAction
    let who: String
    let reason: Problem.Kind
  }

  private struct Entry {
    /// The earliest time of the next line.
    var quietUntil: MonotonicTime
    /// The number of refusals since the last line.
    var unwritten = 0
  }

  /// The shortest time between two lines for one identity.
  static let interval = Duration.seconds(3600)
  /// How many identities and addresses are remembered. Beyond that number, entries whose next line is due are dropped
  /// with their counts.
  static let remembered = 10_000

  private let entries = Mutex<[Key: Entry]>([:])
  private let trail: RefusalTrail
  private let write: @Sendable (AuditEvent) -> Void

  /// - Parameter write: called with each line; it must not block.
  init(perMinute: Live<Int>, now: MonotonicTime = .now(), _ write: @escaping @Sendable (AuditEvent) -> Void) {
    trail = RefusalTrail(perMinute: perMinute, now: now)
    self.write = write
  }

  convenience init(database: Database, settings: LiveSettings, log: ServerLog) {
    self.init(perMinute: settings.live(\.auditRefusalsPerMinute)) { event in
      Task { () async -> Void in
        do throws(DatabaseError) {
          try await database.audit(event)
        } catch {
          log.warning("refusal not audited", ["action": event.action.rawValue, "error": "\(error)"])
        }
      }
    }
  }

  var identities: Int { entries.withLock { $0.count } }

  /// Writes that `event` was refused because of `problem`, or counts the refusal.
  func record(_ event: AuditEvent, _ problem: Problem, now: MonotonicTime = .now()) {
    let who = event.actor == Principal.anonymous.actor ? event.address ?? "" : event.actor
    let key = Key(action: event.action, who: who, reason: problem.kind)
    let line = entries.withLock { entries -> AuditEvent? in
      if entries[key] == nil, entries.count >= Self.remembered {
        entries = entries.filter { now < $0.value.quietUntil }
        if entries.count >= Self.remembered { return nil }
      }
      let entry = entries[key] ?? Entry(quietUntil: now)
      var event = event.refused(problem)
      if entry.unwritten > 0 { event.details["repeated"] = .integer(Int64(entry.unwritten)) }
      let line = now < entry.quietUntil ? nil : trail.line(for: event, now: now)
      entries[key] =
        line == nil
        ? Entry(quietUntil: entry.quietUntil, unwritten: entry.unwritten + 1) : Entry(quietUntil: now + Self.interval)
      return line
    }
    if let line { write(line) }
  }
}

extension AuditEvent {
  /// The name of a collector in the audit trail, as actor or subject.
  static func collector(_ id: UUID) -> String { "collector:\(id)" }
  /// The name of a user in the audit trail.
  static func user(_ id: Int64) -> String { "user:\(id)" }
}
