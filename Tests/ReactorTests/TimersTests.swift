import Ground
import Testing

@testable import Reactor

@Suite struct TimersTests {
  private func at(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

  @Test func `deadlines come up in order of time and only when due`() {
    let timers = ReferredTimers()
    let probe = Probe()
    let late = timers.schedule(probe, at: at(30))
    let early = timers.schedule(probe, at: at(10))
    let middle = timers.schedule(probe, at: at(20))
    #expect(timers.nextDeadline() == at(10))
    #expect(timers.takeDue(at: at(9))?.id == nil)
    #expect(timers.takeDue(at: at(25))?.id == early)
    #expect(timers.takeDue(at: at(25))?.id == middle)
    #expect(timers.takeDue(at: at(25))?.id == nil)
    #expect(timers.takeDue(at: at(30))?.id == late)
    #expect(timers.nextDeadline() == nil)
  }

  @Test func `a moved deadline is due at its new time, and a postponed one not at its old time`() {
    let timers = ReferredTimers()
    let probe = Probe()
    let putOff = timers.schedule(probe, at: at(10))
    let broughtForward = timers.schedule(probe, at: at(50))
    #expect(timers.reschedule(putOff, at: at(40)))
    #expect(timers.reschedule(broughtForward, at: at(20)))
    #expect(timers.takeDue(at: at(19))?.id == nil)
    #expect(timers.nextDeadline() == at(20))
    #expect(timers.takeDue(at: at(39))?.id == broughtForward)
    #expect(timers.takeDue(at: at(39))?.id == nil)
    #expect(timers.takeDue(at: at(40))?.id == putOff)
  }

  @Test func `a deadline that is moved several times is due at its last time`() {
    let timers = ReferredTimers()
    let id = timers.schedule(Probe(), at: at(10))
    #expect(timers.reschedule(id, at: at(90)))
    #expect(timers.reschedule(id, at: at(50)))
    #expect(timers.nextDeadline() == at(50))
    #expect(timers.reschedule(id, at: at(5)))
    #expect(timers.nextDeadline() == at(5))
  }

  @Test func `a stale id does nothing to the deadline that has its slot now`() {
    let timers = ReferredTimers()
    let cancelled = timers.schedule(Probe(), at: at(10))
    #expect(timers.cancel(cancelled) != nil)
    let reused = timers.schedule(Probe(), at: at(20))
    #expect(reused.slot == cancelled.slot)
    #expect(timers.cancel(cancelled) == nil)
    #expect(!timers.reschedule(cancelled, at: at(1)))
    #expect(timers.nextDeadline() == at(20))
  }

  @Test(arguments: [1, UInt64.random(in: 2...UInt64.max)])
  func `timers behave as a sorted list under any history`(seed: UInt64) {
    var generator = QuickRandom(seed: seed)
    let timers = ReferredTimers()
    var model: [TimerID: UInt64] = [:]
    var stale: [TimerID] = []
    let probe = Probe()
    var now: UInt64 = 0
    for step in 0..<20_000 {
      switch UInt.random(in: 0..<10, using: &generator) {
      case 0..<4:
        let deadline = now + UInt64.random(in: 0...500, using: &generator)
        model[timers.schedule(probe, at: at(deadline))] = deadline
      case 4..<7:
        guard let id = model.keys.sorted(by: { $0.slot < $1.slot }).randomElement(using: &generator) else { continue }
        let deadline = now + UInt64.random(in: 0...800, using: &generator)
        #expect(timers.reschedule(id, at: at(deadline)))
        model[id] = deadline
      case 7:
        guard let id = model.keys.sorted(by: { $0.slot < $1.slot }).randomElement(using: &generator) else { continue }
        #expect(timers.cancel(id) != nil)
        model[id] = nil
        stale.append(id)
      case 8:
        if let id = stale.randomElement(using: &generator) { #expect(timers.cancel(id) == nil) }
      default:
        now += UInt64.random(in: 0...100, using: &generator)
        var last: UInt64 = 0
        while let due = timers.takeDue(at: at(now)) {
          let deadline = model.removeValue(forKey: due.id)
          #expect(deadline != nil && deadline! <= now && deadline! >= last, "seed \(seed), step \(step)")
          last = deadline ?? last
          stale.append(due.id)
        }
        #expect(model.values.allSatisfy { $0 > now }, "seed \(seed), step \(step)")
      }
      #expect(timers.count == model.count, "seed \(seed), step \(step)")
      // The check is not made at each step, because it moves entries that were put off, and other calls must move some
      // of them.
      if step % 16 == 0 {
        #expect(timers.nextDeadline()?.nanoseconds == model.values.min(), "seed \(seed), step \(step)")
      }
    }
  }
}

/// `#expect` cannot call a mutating function of a local variable, but it can call a function of an object.
private final class ReferredTimers {
  private var timers = Timers()

  var count: Int { timers.count }
  func schedule(_ handler: any DeadlineHandler, at deadline: MonotonicTime) -> TimerID {
    timers.schedule(handler, at: deadline)
  }
  func reschedule(_ id: TimerID, at deadline: MonotonicTime) -> Bool { timers.reschedule(id, at: deadline) }
  func cancel(_ id: TimerID) -> (any DeadlineHandler)? { timers.cancel(id) }
  func nextDeadline() -> MonotonicTime? { timers.nextDeadline() }
  func takeDue(at now: MonotonicTime) -> (id: TimerID, handler: any DeadlineHandler)? { timers.takeDue(now) }
}
