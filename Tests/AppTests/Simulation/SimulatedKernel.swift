// Virtual time and simulated descriptors under a real EventLoop. Nothing sleeps: with nothing ready, the clock jumps to
// the next event.

import Glibc
import Ground
import Reactor

@testable import App

/// An object with a simulated descriptor.
protocol SimulatedDescriptor: AnyObject {
  /// The readiness that epoll would report to a registration with `interest`.
  func readiness(for interest: Interest) -> Readiness
}

final class SimulatedKernel: Kernel {
  private struct Event {
    let time: UInt64
    let number: Int
    let work: () -> Void
  }

  private struct Registration {
    let fd: CInt
    var interest: Interest
    let key: UInt64
  }

  /// The begin of virtual time. It is not 0, because some code takes a clock that reads 0 for "never".
  static let start: UInt64 = 1_000_000_000_000
  private static let firstDescriptor: CInt = 1_000_000

  /// The virtual time in nanoseconds.
  private(set) var time = SimulatedKernel.start
  /// Unix time in microseconds at the start, and the microseconds by which the clock was set forth or back since.
  private let wallStart: Int64
  var wallOffset: Int64 = 0
  private var random: QuickRandom
  /// A binary heap by time, then by number.
  private var events: [Event] = []
  private var eventsMade = 0
  private var registrations: [Registration] = []
  private var descriptors: [CInt: any SimulatedDescriptor] = [:]
  private var descriptorsMade: CInt = 0
  private var reported: [(key: UInt64, readiness: Readiness)] = []

  init(seed: UInt64, wallStart: Int64) {
    random = QuickRandom(seed: seed)
    self.wallStart = wallStart
  }

  /// The virtual time since the start.
  var elapsed: Duration { .nanoseconds(Int64(time - Self.start)) }
  /// Registered descriptors of the simulation, without the loop's wake-up flag.
  var registeredDescriptors: Int { registrations.count { $0.fd >= Self.firstDescriptor } }

  /// Calls `work` when `delay` has passed, from within `wait`. The work may make descriptors ready, and must not call
  /// the lane.
  func after(_ delay: Duration, _ work: @escaping () -> Void) {
    eventsMade += 1
    events.append(Event(time: time + UInt64(max(0, delay.wholeNanoseconds)), number: eventsMade, work: work))
    var child = events.count - 1
    while child > 0, isEarlier(child, (child - 1) / 2) {
      events.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Drops all events that have not happened.
  func forgetEvents() {
    let forgotten = events
    events = []
    withExtendedLifetime(forgotten) {}
  }

  func attach(_ descriptor: any SimulatedDescriptor) -> CInt {
    descriptorsMade += 1
    descriptors[Self.firstDescriptor + descriptorsMade] = descriptor
    return Self.firstDescriptor + descriptorsMade
  }

  func detach(_ fd: CInt) {
    precondition(!registrations.contains { $0.fd == fd }, "a descriptor was closed before it was deregistered")
    descriptors[fd] = nil
  }

  // MARK: Kernel

  func add(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError) {
    precondition(!registrations.contains { $0.fd == fd }, "EEXIST")
    registrations.append(Registration(fd: fd, interest: interest, key: key))
  }

  func modify(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError) {
    guard let index = registrations.firstIndex(where: { $0.fd == fd }) else { preconditionFailure("ENOENT") }
    registrations[index].interest = interest
  }

  func remove(_ fd: CInt) {
    guard let index = registrations.firstIndex(where: { $0.fd == fd }) else { preconditionFailure("ENOENT") }
    registrations.remove(at: index)
  }

  func wait(nanoseconds: Int64) -> Int {
    time += UInt64.random(in: 500...20_000, using: &random)  // the duration of the turn
    let end = nanoseconds < 0 ? UInt64.max : time + UInt64(nanoseconds)
    reported.removeAll(keepingCapacity: true)
    while true {
      while let first = events.first, first.time <= time { takeFirst().work() }
      for registration in registrations {
        let readiness = readiness(of: registration)
        if !readiness.isEmpty { reported.append((registration.key, readiness)) }
      }
      if !reported.isEmpty || time >= end { break }
      let next = min(events.first?.time ?? .max, end)
      precondition(next < .max, "nothing will ever happen")
      time = next
    }
    reported.shuffle(using: &random)
    return reported.count
  }

  func event(at index: Int) -> (key: UInt64, readiness: Readiness) { reported[index] }
  func monotonicTime() -> MonotonicTime { MonotonicTime(nanoseconds: time) }
  func wallTime() -> Int64 { wallStart + Int64((time - Self.start) / 1000) + wallOffset }

  private func readiness(of registration: Registration) -> Readiness {
    if let descriptor = descriptors[registration.fd] { return descriptor.readiness(for: registration.interest) }
    // The loop's own wake-up flag is a real descriptor.
    var poll = pollfd(fd: registration.fd, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) > 0 ? .read : []
  }

  // MARK: The heap

  private func isEarlier(_ left: Int, _ right: Int) -> Bool {
    let (left, right) = (events[left], events[right])
    return left.time < right.time || left.time == right.time && left.number < right.number
  }

  private func takeFirst() -> Event {
    events.swapAt(0, events.count - 1)
    let first = events.removeLast()
    var parent = 0
    while 2 * parent + 1 < events.count {
      var child = 2 * parent + 1
      if child + 1 < events.count, isEarlier(child + 1, child) { child += 1 }
      if isEarlier(parent, child) { break }
      events.swapAt(parent, child)
      parent = child
    }
    return first
  }
}
