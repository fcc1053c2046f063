// The command line.

import ArgumentParser
internal import Protocol
internal import Reactor

/// What the command line asks for and cannot have.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

struct Options: ParsableArguments {
  @Option(help: ArgumentHelp("The server.", valueName: "https://host:port"))
  var url: String

  @Option(help: ArgumentHelp("PEM file of the authority that signed the server's certificate.", valueName: "file"))
  var ca: String

  @Option(help: "Shown by each collector when it enrols.")
  var registrationSecret: String

  @Option(help: "How many collectors to play.")
  var collectors: Int

  @Option(help: "How long to push, after all are enrolled and connected (500ms, 30s, 10m, 1h).")
  var duration: TimeSpan

  @Option(help: "Open loop: each collector pushes every so often, the fleet spread evenly. (default: 10s)")
  var interval: TimeSpan?

  @Flag(help: "Closed loop: each collector pushes again as soon as it is answered.")
  var closedLoop = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Push these bodies (JSON, plain or gzip), with collector, hostname and timestamps replaced, instead of generated ones.",
      valueName: "file"))
  var body: [String] = []

  @Option(help: "Databases in a generated push.")
  var databases = 1

  @Option(help: "Tables in each database of a generated push; each has two indexes.")
  var tables = 10

  @Option(help: "Statements in each database of a generated push.")
  var queries = 10

  @Option(help: "0 sends bodies uncompressed.")
  var gzipLevel = 1

  @Option(help: "Spread the enrolments over this time.")
  var ramp = TimeSpan(.zero)

  @Option(help: "Leave behind who is not enrolled and connected by then.")
  var startLimit = TimeSpan(.seconds(300))

  @Option(help: "For the last pushes to be acknowledged, after the run.")
  var drainLimit = TimeSpan(.seconds(30))

  @Option(help: "A push not answered within this time is sent again over a new connection.")
  var answerLimit = TimeSpan(.seconds(60))

  @Option(help: "Threads.")
  var loops = 1

  @Option(help: "Registrations under way at a time.")
  var registrations = 16

  @Option(help: "TLS handshakes under way at a time.")
  var handshakes = 64

  @Option(help: "Makes back-offs and generated values repeatable.")
  var seed: UInt64 = 1

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Local addresses to connect from, in turn: one has ports for about 28000 connections.", valueName: "ip"))
  var source: [String] = []

  @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Note each acknowledged push: push_id collector_id rows_inserted duplicate(true|false).", valueName: "file"))
  var reportAcks: String?

  @Flag(help: "Lost connections and answers 503 are no failure if every push was acknowledged in the end.")
  var tolerateOutage = false

  mutating func validate() throws {
    if closedLoop, interval != nil { throw ValidationError("--interval and --closed-loop exclude one another.") }
    if interval?.duration == .zero { throw ValidationError("--interval must be more than 0.") }
    if duration.duration == .zero { throw ValidationError("--duration must be more than 0.") }
    for (name, value, allowed) in [
      ("--collectors", collectors, 1...1_000_000), ("--gzip-level", gzipLevel, 0...9), ("--loops", loops, 1...256),
      ("--registrations", registrations, 1...10_000), ("--handshakes", handshakes, 1...100_000),
      ("--databases", databases, 1...1000), ("--tables", tables, 1...100_000), ("--queries", queries, 1...100_000),
    ] where !allowed.contains(value) {
      throw ValidationError("\(name) must be \(allowed.lowerBound) to \(allowed.upperBound).")
    }
  }

  /// Resolves, reads and parses what the options name. Blocks.
  /// - Throws: `UsageError`.
  func plan() throws(UsageError) -> FleetPlan {
    guard let url = ServerURL(url) else {
      throw UsageError(description: "--url \(self.url): not https://host[:port][/prefix]")
    }
    var sources: [SocketAddress] = []
    for text in source {
      guard let address = SocketAddress(ip: text, port: 0) else {
        throw UsageError(description: "--source \(text): not an IP address")
      }
      sources.append(address)
    }
    let context: TLSContext
    let addresses: [SocketAddress]
    do {
      context = try TLSContext.client(trustPEM: try LocalFile.read(ca))
      addresses = try SocketAddress.resolve(host: url.host, port: url.port)
    } catch {
      throw UsageError(description: "\(error)")
    }
    var endpoint = Endpoint(url: url, addresses: addresses, sources: sources, context: context)
    endpoint.answerLimit = answerLimit.duration
    var plan = FleetPlan(
      endpoint: endpoint, registrationSecret: registrationSecret, collectors: collectors,
      duration: duration.duration,
      pace: closedLoop ? .closedLoop : .interval(interval?.duration ?? .seconds(10)), templates: try templates())
    plan.gzipLevel = gzipLevel
    plan.ramp = ramp.duration
    plan.startLimit = startLimit.duration + ramp.duration
    plan.drainLimit = drainLimit.duration
    plan.loops = min(loops, collectors)
    plan.seed = seed
    plan.registrationsInFlight = registrations
    plan.handshakesInFlight = handshakes
    plan.acknowledgementPath = reportAcks
    return plan
  }

  private func templates() throws(UsageError) -> [PushTemplate] {
    if body.isEmpty { return generatedTemplates() }
    var templates: [PushTemplate] = []
    for path in body {
      do {
        templates.append(try PushTemplate(file: LocalFile.read(path)))
      } catch {
        throw UsageError(description: "--body \(path): \(error)")
      }
    }
    return templates
  }
}

extension Options {
  /// A generated push costs far more than a copied one, so a few are made, a minute apart in their counters.
  private static let generatedTemplateCount = 8

  private func generatedTemplates() -> [PushTemplate] {
    var shape = PushGenerator.Shape()
    shape.databases = databases
    shape.tables = tables
    shape.queries = queries
    shape.logLines = 10
    let generator = PushGenerator(seed: seed, shape: shape)
    return (0..<Self.generatedTemplateCount).map { minute in
      let json = generator.body(collectorID: "-", hostname: "-", unixSeconds: 1_700_000_000 + Int64(minute) * 60)
      do {
        return try PushTemplate(json: json.span)
      } catch {
        preconditionFailure("the generator makes no push: \(error)")
      }
    }
  }
}

/// A length of time with its unit: `500ms`, `30s`, `10m`, `1h`.
struct TimeSpan: ExpressibleByArgument {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
    switch argument.dropFirst(digits.count) {
    case "ms": duration = .milliseconds(count)
    case "s": duration = .seconds(count)
    case "m": duration = .seconds(count * 60)
    case "h": duration = .seconds(count * 3600)
    default: return nil
    }
  }

  var defaultValueDescription: String { "\(duration.components.seconds)s" }
}
