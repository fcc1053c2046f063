// The options for the collectors and for the processes and threads that run them.

import ArgumentParser

struct FleetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Secret with which the collectors enrol. Not needed if --identities has all of them.", valueName: "secret"))
  var registrationSecret: String?

  @Option(
    help: ArgumentHelp(
      "Keep keys, certificates and tokens in this file (mode 0600), and use those in it instead of enrolling again. In a directory the file is identities.jsonl.",
      valueName: "file|directory"))
  var identities: String?

  @Option(help: ArgumentHelp("Spread the enrolments over this time.", valueName: "time"))
  var enrolOver = TimeSpan(.zero)

  @Option(
    help: ArgumentHelp(
      "Begin after this time without the collectors that are not enrolled and connected.", valueName: "time"))
  var startLimit = TimeSpan(.seconds(300))

  @Option(help: ArgumentHelp("Registrations at a time, in the whole fleet.", valueName: "count"))
  var registrations = 16

  @Option(help: ArgumentHelp("TLS handshakes at a time, in the whole fleet.", valueName: "count"))
  var handshakes = 64

  @Option(
    help: ArgumentHelp(
      "Processes that share the collectors. Each has its own descriptors.", valueName: "count"))
  var processes = 1

  @Option(help: ArgumentHelp("Threads in each process.", valueName: "count"))
  var loops = 1

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Local addresses to connect from, in turn. One has ports for about 28000 connections.", valueName: "ip"))
  var source: [String] = []

  /// The number of this process, if another process of the program has started it.
  @Option(help: .hidden)
  var worker: Int?

  mutating func validate() throws {
    try checkRanges([
      ("--registrations", registrations, 1...10_000), ("--handshakes", handshakes, 1...100_000),
      ("--processes", processes, 1...1000), ("--loops", loops, 1...256),
    ])
  }
}
