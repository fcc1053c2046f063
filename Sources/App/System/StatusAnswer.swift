// The status of the server: the figures of /metrics as JSON, and those of each loop and each database pool. A figure of
// /metrics has the name of its metric family, without `pganalytics_` and `_total`, and its help as prose. A new family
// therefore has its member without further work.

import Ground
import Protocol
import Reactor

struct StatusAnswer: ResponseBody {
  /// Families whose figures have a member of another form.
  private static let otherwiseShown: Set<String> = [
    "build_info", "budget_held_bytes", "budget_limit_bytes", "certificate_not_after_seconds",
    "settings_reloaded_timestamp_seconds",
  ]

  static let schemaName = "ServerStatus"
  static let example = StatusAnswer(
    now: Timestamp(unixSeconds: 1_790_000_000), reasons: [], families: MetricsPage.example.families,
    loops: [MetricsPage.example.lanes], pools: [("endpoints", DatabasePoolState(sessions: 4, connected: 1))])

  /// When the figures were read, to the microsecond. A rate is the growth of a counter by the growth of this time.
  let now: Timestamp
  let reasons: [Unreadiness]
  let families: MetricFamilies
  let loops: [LaneSnapshot]
  let pools: [(name: String, state: DatabasePoolState)]

  func write(to object: inout ObjectWriter) {
    object.member("version", Version.text)
    object.member(
      "at", now, "When the figures were read. Divide the growth of a counter by that of this time for a rate.")
    object.member(
      "is_ready", !reasons.contains(where: \.isBlocking), "Whether a load balancer should send requests here.")
    object.member("reasons", reasons.map(UnreadinessAnswer.init), "Why it should not; as in the readiness check.")
    object.member(
      "settings_reloaded_at", time(families["settings_reloaded_timestamp_seconds"].samples[0].value),
      "When the settings in use were read.")
    object.member("budgets", budgets, "Memory, by the setting that limits it.")
    object.member("certificates", certificates, "The ends of the certificates.")
    object.member("loops", loops.enumerated().map(StatusLoop.init), "Each loop, in the order of their numbers.")
    object.member("database_pools", pools.map(StatusPool.init), "The connections of the endpoints and tasks.")
    for family in families.all {
      let name = Self.name(of: family)
      if !Self.otherwiseShown.contains(name) { write(family, name, to: &object) }
    }
  }

  /// The name of a family without what all names have in common.
  static func name(of family: MetricFamily) -> String {
    let name = family.name.dropFirst("pganalytics_".count)
    return String(name.hasSuffix("_total") ? name.dropLast("_total".count) : name)
  }

  private func write(_ family: MetricFamily, _ name: String, to object: inout ObjectWriter) {
    switch (family.kind, family.label.isEmpty) {
    case (.histogram, _) where name.hasSuffix("_seconds"):
      object.member(name, family.histograms.map(StatusLatency.init), family.help)
    case (.histogram, _): object.member(name, family.histograms.map(StatusSizes.init), family.help)
    case (.counter, true), (.gauge, true): write(family.samples[0].value.json, name, family.help, to: &object)
    case (.counter, false):
      object.member(name, family.samples.map(StatusCount.init).filter { $0.count != 0 }, family.help)
    case (.gauge, false): object.member(name, family.samples.map(StatusCount.init), family.help)
    }
  }

  private func write(_ value: JSONValue, _ name: String, _ prose: String, to object: inout ObjectWriter) {
    switch value {
    case .integer(let number): object.member(name, number, prose)
    case .double(let number): object.member(name, number, prose)
    case .null, .bool, .string, .array, .object: preconditionFailure("\(name) is no number")
    }
  }

  private var budgets: [StatusBudget] {
    zip(families["budget_held_bytes"].samples, families["budget_limit_bytes"].samples).map { held, limit in
      StatusBudget(name: held.label, held: held.value.whole, limit: limit.value.whole)
    }
  }

  private var certificates: [StatusCertificate] {
    families["certificate_not_after_seconds"].samples.map { StatusCertificate(name: $0.label, end: time($0.value)) }
  }

  private func time(_ unixSeconds: any MetricSample) -> Timestamp { Timestamp(unixSeconds: unixSeconds.whole) }
}

extension MetricSample {
  /// The value as a whole number; 0 if it is none.
  fileprivate var whole: Int64 { if case .integer(let number) = json { number } else { 0 } }
}

/// A counter or gauge of one value of a label.
struct StatusCount: ResponseBody {
  let name: String
  let count: Int64

  static let example = StatusCount(("idle", 12))

  init(_ sample: (label: String, value: any MetricSample)) {
    name = sample.label
    count = sample.value.whole
  }

  func write(to object: inout ObjectWriter) {
    object.member("name", name)
    object.member("count", count, "A counter leaves out names with the count 0.")
  }
}

struct StatusBudget: ResponseBody {
  let name: String
  let held: Int64
  let limit: Int64

  static let example = StatusBudget(name: "bytes_in_flight", held: 1_048_576, limit: 268_435_456)

  func write(to object: inout ObjectWriter) {
    object.member("name", name, "The setting.")
    object.member("held_bytes", held, "Memory held now. For collectors, that of the largest one.")
    object.member("limit_bytes", limit, "The limit that the setting gives.")
  }
}

struct StatusCertificate: ResponseBody {
  let name: String
  let end: Timestamp

  static let example = StatusCertificate(name: "server", end: Timestamp(unixSeconds: 1_797_000_000))

  func write(to object: inout ObjectWriter) {
    object.member("name", name)
    object.member("ends_at", end)
  }
}

struct StatusLoop: ResponseBody {
  let index: Int
  let lane: LaneSnapshot

  static let example = StatusLoop((0, MetricsPage.example.lanes))

  init(_ numbered: (offset: Int, element: LaneSnapshot)) { (index, lane) = (numbered.offset, numbered.element) }

  func write(to object: inout ObjectWriter) {
    object.member("loop", index, "From 0.")
    object.member("connections", lane.connectionCount, "In all states.")
    object.member("busy_seconds", lane.loop.busy.inSeconds, "Time that the loop worked, waiting excluded. A counter.")
    object.member("turns", Int64(clamping: lane.loop.turns), "A counter.")
    object.member("events", Int64(clamping: lane.loop.events), "Events that epoll reported. A counter.")
    object.member("longest_turn_seconds", lane.loop.longestTurn.inSeconds, "Since the last scrape of /metrics.")
    object.member("held_bytes", lane.heldBytes, "Bodies and rows of pushes.")
    object.member("backlog_pushes", lane.backlogPushes, "Pushes that wait for a writer or are being stored.")
    object.member("backlog_bytes", lane.backlogBytes, "Their rows.")
    object.member("pushes_received", lane.counters.pushesReceived, "A counter.")
  }
}

struct StatusPool: ResponseBody {
  let name: String
  let state: DatabasePoolState

  static let example = StatusPool(("endpoints", DatabasePoolState(sessions: 4, connected: 2, busy: 1)))

  init(_ pool: (name: String, state: DatabasePoolState)) { (name, state) = (pool.name, pool.state) }

  func write(to object: inout ObjectWriter) {
    object.member("name", name)
    object.member("sessions", state.sessions, "The most sessions that the pool may connect.")
    object.member("connected", state.connected, "Sessions that have a connection.")
    object.member("busy", state.busy, "Connected sessions that have work.")
    object.member("waiting", state.waiting, "Requests that wait for a session.")
    object.member("unanswered", state.unanswered, "Sessions set aside because their commit got no answer.")
  }
}

extension Duration {
  fileprivate var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
