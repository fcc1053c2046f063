// The options for the arrival of pushes.

import ArgumentParser
internal import Protocol
internal import Reactor

struct LoadOptions: ParsableArguments {
  enum Arrival: String, ExpressibleByArgument, CaseIterable { case paced, poisson }

  @Option(help: ArgumentHelp("Number of collectors.", valueName: "count"))
  var collectors: Int

  @Option(
    help: ArgumentHelp(
      "Length of the measured part. Enrolment, connecting, ramp and warm-up come before it (500ms, 30s, 10m, 1h).",
      valueName: "time"))
  var duration: TimeSpan

  @Option(
    help: ArgumentHelp(
      "Open loop: pushes a second of the whole fleet, regardless of the answers.", valueName: "pushes/s"))
  var rate: Double?

  @Option(
    help: ArgumentHelp(
      "Open loop: time between two pushes of a collector. (default: 10s, without --rate and --closed-loop)",
      valueName: "time"))
  var interval: TimeSpan?

  @Flag(help: "Closed loop: each collector pushes again when it is answered, after --think.")
  var closedLoop = false

  @Option(
    help: ArgumentHelp(
      "Open loop: paced spreads the pushes evenly; poisson makes them at random, as independent collectors do.",
      valueName: "paced|poisson"))
  var arrival = Arrival.paced

  @Option(help: ArgumentHelp("Closed loop: pause between an answer and the next push.", valueName: "time"))
  var think = TimeSpan(.zero)

  @Option(
    help: ArgumentHelp(
      "0 to 1. Paced: a push is due up to this share of the interval late. Closed loop: --think varies by this share.",
      valueName: "share"))
  var jitter = 0.0

  @Option(
    help: ArgumentHelp(
      "Before the measured part: the collectors begin to push one after the other over this time.", valueName: "time"))
  var ramp = TimeSpan(.zero)

  @Option(
    help: ArgumentHelp(
      "Before the measured part, after the ramp: all collectors push, and nothing is measured.", valueName: "time"))
  var warmUp = TimeSpan(.zero)

  @Option(
    help: ArgumentHelp("Time for the last acknowledgements, after the measured part.", valueName: "time"))
  var drainLimit = TimeSpan(.seconds(30))

  @Option(
    help: ArgumentHelp(
      "A push that is not answered within this time is sent again over a new connection.", valueName: "time"))
  var answerLimit = TimeSpan(.seconds(60))

  @Option(help: ArgumentHelp("Makes arrivals, faults, back-offs and generated values repeatable.", valueName: "number"))
  var seed: UInt64 = 1

  mutating func validate() throws {
    if [closedLoop, interval != nil, rate != nil].filter({ $0 }).count > 1 {
      throw ValidationError("--interval, --rate and --closed-loop exclude one another.")
    }
    if interval?.duration == .zero { throw ValidationError("--interval must be more than 0.") }
    if let rate, !(rate > 0 && rate <= 10_000_000) {
      throw ValidationError("--rate must be more than 0, at most 10000000.")
    }
    if duration.duration == .zero { throw ValidationError("--duration must be more than 0.") }
    if !(0...1).contains(jitter) { throw ValidationError("--jitter must be 0 to 1.") }
    if think.duration > .zero, !closedLoop { throw ValidationError("--think needs --closed-loop.") }
    if arrival == .poisson, closedLoop { throw ValidationError("--arrival poisson needs an open loop.") }
    if arrival == .poisson, jitter > 0 { throw ValidationError("--jitter has no meaning for --arrival poisson.") }
    try checkRanges([("--collectors", collectors, 1...1_000_000)])
  }

  var pace: Pace {
    if closedLoop { return .closedLoop(think: think.duration) }
    let every = rate.map { Duration.seconds(Double(collectors) / $0) } ?? interval?.duration ?? .seconds(10)
    switch arrival {
    case .paced: return .interval(every)
    case .poisson: return .poisson(mean: every)
    }
  }
}

/// - Throws: `ValidationError` for the first number that is out of range.
func checkRanges(_ numbers: [(name: String, value: Int, allowed: ClosedRange<Int>)]) throws {
  for (name, value, allowed) in numbers where !allowed.contains(value) {
    throw ValidationError("\(name) must be \(allowed.lowerBound) to \(allowed.upperBound).")
  }
}
