// Refusals of collectors and of enrolments in the audit trail. Whoever is refused comes back, a revoked collector every
// minute: the trail gets the first refusal of an identity at once and after that a line an hour at most, which says how
// many there were in between. All of them together keep to the trail's own limit a minute.

import Ground
import Protocol
import Reactor
import Synchronization

/// Shared by the lanes and the endpoints of a process. Only refusals pass here.
final class IdentityRefusals: Sendable {
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

  static let interval = Duration.seconds(3600)
  /// Identities and addresses that are remembered. One more, and those that may have a line are forgotten, with their
  /// numbers.
  static let remembered = 10_000

  private let entries = Mutex<[Key: Entry]>([:])
  private let trail: RefusalTrail
  private let write: @Sendable (AuditEvent) -> Void

  /// - Parameter write: what becomes of a line; it must not block.
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

  /// Writes that `event` was refused for the reason of `problem`, or counts it.
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
  /// How the trail names a collector, as who acts or as what something is done to.
  static func collector(_ id: UUID) -> String { "collector:\(id)" }
  /// The same of a person.
  static func user(_ id: Int64) -> String { "user:\(id)" }
}
