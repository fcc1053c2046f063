// All options of a load run.

import ArgumentParser
import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

struct Options: ParsableArguments {
  @Option(help: ArgumentHelp("The server.", valueName: "https://host:port"))
  var url: String

  @Option(help: ArgumentHelp("PEM file of the authority that signed the server's certificate.", valueName: "file"))
  var ca: String

  @OptionGroup(title: "Load") var load: LoadOptions
  @OptionGroup(title: "Payload") var payload: PayloadOptions
  @OptionGroup(title: "Fleet") var fleet: FleetOptions
  @OptionGroup(title: "Faults") var faults: FaultOptions
  @OptionGroup(title: "Reads") var read: ReadOptions
  @OptionGroup(title: "Report") var watch: WatchOptions

  /// The number of descriptors of a process that do not belong to collectors: loops, enrolments, connections with
  /// forged certificates, files, measurements.
  private static let otherDescriptors = 256

  /// Turns the options into a plan: resolves the server's name, and reads and parses the files. It blocks.
  /// - Parameter descriptorLimit: the number of descriptors that one process may open.
  /// - Throws: `UsageError`.
  func plan(descriptorLimit: Int = ProcessLimits.descriptorLimit) throws(UsageError) -> FleetPlan {
    let collectors = load.collectors
    let processes = min(fleet.processes, collectors)
    let eachProcess = (collectors + processes - 1) / processes
    if eachProcess + Self.otherDescriptors > descriptorLimit {
      let room = max(1, descriptorLimit - Self.otherDescriptors)
      throw UsageError(
        description: "--collectors \(collectors): a process may open \(descriptorLimit) descriptors here; "
          + "use --processes \((collectors + room - 1) / room) or more")
    }
    var plan = FleetPlan(
      endpoint: try endpoint(), registrationSecret: fleet.registrationSecret ?? "", collectors: collectors,
      duration: load.duration.duration, pace: load.pace, templates: [])
    let run = String(WallClock.unixSeconds(), radix: 36) + "-" + String(UInt32.random(in: 0 ... .max), radix: 36)
    (plan.templates, plan.payload) = try payload.templates(seed: load.seed, run: run)
    plan.compression = payload.compression
    plan.jitter = load.jitter
    plan.ramp = load.ramp.duration
    plan.warmUp = load.warmUp.duration
    plan.faults = faults.mix ?? FaultMix()
    plan.slowBodyTime = faults.slowBodyTime.duration
    plan.enrolmentSpread = fleet.enrolOver.duration
    plan.startLimit = fleet.startLimit.duration + fleet.enrolOver.duration
    plan.drainLimit = load.drainLimit.duration
    plan.loops = min(fleet.loops, eachProcess)
    plan.division = FleetPlan.Division(process: fleet.worker ?? 0, processes: processes)
    plan.seed = load.seed
    plan.registrationsInFlight = fleet.registrations
    plan.handshakesInFlight = fleet.handshakes
    plan.acknowledgementPath = watch.reportAcks
    plan.namesCollectors = watch.databaseURL != nil
    if let path = fleet.identities.map(IdentityFile.location) {
      plan.identityPath = path
      plan.identities = try IdentityFile.load(path)
    }
    if fleet.registrationSecret == nil, let missing = (0..<collectors).first(where: { plan.identities[$0] == nil }) {
      throw UsageError(
        description: "--registration-secret is needed: there is no identity of collector \(missing)"
          + (fleet.identities == nil ? "" : " in --identities"))
    }
    return plan
  }

  private func endpoint() throws(UsageError) -> HTTPSDestination {
    guard let url = HTTPSURL(url) else {
      throw UsageError(description: "--url \(self.url): not https://host[:port][/prefix]")
    }
    var sources: [SocketAddress] = []
    for text in fleet.source {
      guard let address = SocketAddress(ip: text, port: 0) else {
        throw UsageError(description: "--source \(text): not an IP address")
      }
      sources.append(address)
    }
    do {
      var endpoint = HTTPSDestination(
        url: url, addresses: try SocketAddress.resolve(host: url.host, port: url.port), sources: sources,
        context: try TLSContext.client(trustPEM: try LocalFile.require(ca)))
      endpoint.answerLimit = load.answerLimit.duration
      return endpoint
    } catch {
      throw UsageError(description: "\(error)")
    }
  }
}
