// The options for faults.

import ArgumentParser

/// A fault and its share of the pushes, such as `reset=0.01`.
struct FaultShare: ExpressibleByArgument {
  let fault: Fault
  let share: Double

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let fault = Fault(rawValue: String(parts[0])), let share = Double(parts[1]),
      (0...1).contains(share)
    else { return nil }
    self.fault = fault
    self.share = share
  }
}

struct FaultOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Pushes with a fault, as shares of all (0 to 1): slow-body, reset, duplicate, broken-json, wrong-certificate. The program checks the outcome of each and counts it separately.",
      valueName: "name=share"))
  var fault: [FaultShare] = []

  @Option(help: ArgumentHelp("Time over which a slow body is sent.", valueName: "time"))
  var slowBodyTime = TimeSpan(.seconds(3))

  mutating func validate() throws {
    if Set(fault.map(\.fault)).count != fault.count { throw ValidationError("--fault names one fault twice.") }
    if mix == nil { throw ValidationError("--fault: the shares are more than 1 together.") }
  }

  /// The shares of all faults; nil if they are more than 1 together.
  var mix: FaultMix? { FaultMix(Dictionary(fault.map { ($0.fault, $0.share) }, uniquingKeysWith: { $1 })) }
}
