internal import HTTPClient
internal import Protocol
internal import Reactor

/// Runs a measurement on the calling thread, and prints the figures of each round.
struct CostRun {
  private let plan: CostPlan
  private let crowd: CostCrowd
  /// Prints one line, which is given without a line break.
  private let say: (String) -> Void

  init(_ plan: CostPlan, say: @escaping (String) -> Void) throws(SystemCallError) {
    self.plan = plan
    self.say = say
    crowd = try CostCrowd(plan.destination)
  }

  /// Runs the measurement.
  /// - Parameter request: the request of the modes `handshakes` and `requests`.
  /// - Throws: `RunFailure` if a connection or a request fails.
  func run(_ request: CostPlan.Request) throws {
    switch plan.mode {
    case .handshakes: try handshakes(request)
    case .requests: try requests(request)
    case .idle: try idle()
    case .herd: try herd()
    }
  }

  private func handshakes(_ request: CostPlan.Request) throws {
    try measure("us a handshake") {
      for first in stride(from: 0, to: plan.count, by: plan.connections) {
        let numbers = first..<min(plan.count, first + plan.connections)
        let answers = crowd.answered + numbers.count
        let together = try numbers.map { try crowd.connect(identity($0), first: request) }
        try crowd.wait { crowd.answered == answers }
        for member in together { member.close() }
      }
      return plan.count
    }
  }

  private func requests(_ request: CostPlan.Request) throws {
    crowd.demandsSuccess = true
    let members = try (0..<plan.connections).map { try crowd.connect(request.identity ?? identity($0)) }
    try crowd.wait { crowd.opened == members.count }
    let turns = plan.count / plan.connections
    try measure("us a request") {
      for _ in 0..<turns {
        let answers = crowd.answered + members.count
        for member in members { member.send(request) }
        try crowd.wait { crowd.answered == answers }
      }
      return turns * members.count
    }
    for member in members { member.close() }
  }

  private func idle() throws {
    let before = try figures().residentBytes
    let start = MonotonicTime.now()
    var members: [CostCrowd.Member] = []
    for number in 0..<plan.count {
      members.append(try crowd.connect(identity(number)))
      try crowd.wait { crowd.opened == members.count }
    }
    let up = start.duration(to: .now())
    try crowd.pause(plan.settleTime)
    let resident = try figures().residentBytes
    let used = try runTime()
    try crowd.pause(plan.idleTime)
    let share = (try runTime() - used).inSeconds / plan.idleTime.inSeconds * 100
    let each = Double(resident - before) / Double(plan.count)
    say(
      "\(plan.count) connections up in \(Report.rounded(up.inSeconds, 1)) s: \(Report.rounded(each, 0)) resident bytes each, "
        + "\(Report.rounded(share, 2)) % of a core while idle")
    for member in members { member.close() }
  }

  private func herd() throws {
    for round in 1...plan.rounds {
      let start = MonotonicTime.now()
      let used = try runTime()
      let opened = crowd.opened + plan.count
      let members = try (0..<plan.count).map { try crowd.connect(identity($0)) }
      try crowd.wait { crowd.opened == opened }
      let cost = microseconds(try runTime() - used, of: plan.count)
      let wall = start.duration(to: .now()).inSeconds
      say(
        "round \(round): \(plan.count) came in \(Report.rounded(wall, 2)) s, \(Report.rounded(cost, 1)) us a handshake")
      for member in members { member.close() }
    }
  }

  /// Runs one round that is not measured, then the measured rounds, and prints each cost and the median.
  /// - Parameter work: does one round and returns its number of units.
  private func measure(_ unit: String, _ work: () throws -> Int) throws {
    _ = try work()
    var costs: [Double] = []
    for _ in 0..<plan.rounds {
      let used = try runTime()
      let start = MonotonicTime.now()
      let units = try work()
      let cost = microseconds(try runTime() - used, of: units)
      let seconds = start.duration(to: .now()).inSeconds
      costs.append(cost)
      say("\(Report.rounded(cost, 2)) \(unit), \(Report.rounded(Double(units) / seconds, 0)) a second")
    }
    say("median \(Report.rounded(costs.sorted()[plan.rounds / 2], 2)) \(unit)")
  }

  private func microseconds(_ time: Duration, of units: Int) -> Double { time.inSeconds * 1e6 / Double(units) }

  private func identity(_ number: Int) -> TLSIdentity? {
    plan.identities.isEmpty ? nil : plan.identities[number % plan.identities.count]
  }

  private func runTime() throws(RunFailure) -> Duration {
    guard let time = ProcessFigures.runTime(of: plan.process) else { throw noProcess }
    return time
  }

  private func figures() throws(RunFailure) -> ProcessFigures {
    guard let figures = ProcessFigures.of(plan.process) else { throw noProcess }
    return figures
  }

  private var noProcess: RunFailure { RunFailure(description: "there is no process \(plan.process) here") }
}

extension CostPlan.Request {
  /// Makes a push without metrics from a collector that enrols for it. It blocks until the server has answered the
  /// enrolment.
  /// - Parameters:
  ///   - secret: the registration secret.
  ///   - bodyBytes: the smallest length of the push's body, which is padded.
  static func emptyPush(
    to destination: HTTPSDestination, secret: String, bodyBytes: Int
  ) throws -> CostPlan.Request {
    let enrolment = EnrolmentRequest(hostname: "db-1.example")
    let crowd = try CostCrowd(destination)
    let head = HTTPRequestTemplate(
      own: .post, target: destination.url.target("collectors/register"), authority: destination.url.authority,
      fields: [HTTPField("Content-Type", "application/json"), HTTPField("X-Registration-Secret", secret)])
    let member = try crowd.connect(nil, first: CostPlan.Request(head: head, body: enrolment.body))
    try crowd.wait { crowd.lastAnswer != nil }
    member.close()
    guard let answer = crowd.lastAnswer, let credentials = enrolment.credentials(from: answer, jitter: 0) else {
      throw RunFailure(
        description: "no enrolment: \(crowd.lastAnswer.map { "\($0.status.code) \($0.slug)" } ?? "no answer")")
    }
    var json =
      #"{"collector_id":"\#(credentials.collector)","hostname":"db-1.example","metrics":[],"metrics_count":0,"#
      + #""timestamp":"2026-11-22T19:33:04Z","version":"3.0.0","padding":""#
    json += String(repeating: "x", count: max(0, bodyBytes - json.utf8.count - 2)) + "\"}"
    let push = HTTPRequestTemplate(
      own: .post, target: destination.url.target("metrics/push"), authority: destination.url.authority,
      fields: [
        HTTPField("Authorization", "Bearer " + credentials.token.text), HTTPField("Content-Type", "application/json"),
      ])
    return CostPlan.Request(head: push, body: Array(json.utf8), identity: credentials.identity)
  }
}
