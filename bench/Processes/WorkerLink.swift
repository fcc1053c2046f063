// The worker's end of the connection to the process that started it. Standard input is the socket.

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// Sends the worker's progress and result, and receives the times of the run and interruptions.
final class WorkerLink: LineHandler {
  private let scoreboard: Scoreboard
  private let plan: FleetPlan
  private var socket: LineSocket?
  private var isReady = false

  init(loop: EventLoop, plan: FleetPlan, scoreboard: Scoreboard) throws(SystemCallError) {
    self.plan = plan
    self.scoreboard = scoreboard
    // `WorkerProcess` has made both ends nonblocking.
    socket = try LineSocket(loop: loop, descriptor: FileDescriptor(owning: STDIN_FILENO), handler: self)
  }

  /// Sends the progress. The owner calls it in each turn of the loop.
  func report() {
    if !isReady, scoreboard.areAllReady {
      isReady = true
      socket!.send { $0.object { $0.member("ready", true) } }
    }
    let progress = scoreboard.progress
    socket!.send { json in
      json.object { json in
        json.key("progress")
        progress.write(to: &json)
      }
    }
  }

  func send(_ result: FleetResult) {
    socket!.send { json in
      json.object { json in
        json.key("result")
        result.write(to: &json)
      }
    }
  }

  var isFlushed: Bool { socket!.isFlushed }

  func received(_ message: JSONObject) {
    if let start = message.integer("start") {
      scoreboard.setTimes(RunTimes(start: MonotonicTime(nanoseconds: UInt64(start)), plan: plan))
    }
    if message["interrupt"] != nil { scoreboard.interrupt() }
  }

  /// The process that takes the result is gone, so the run ends without waiting for the last pushes.
  func lineEnded() {
    scoreboard.interrupt()
    scoreboard.interrupt()
  }
}

extension Progress {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("enrolled", enrolled)
      json.member("ready", ready)
      json.member("acknowledged", acknowledged)
      json.member("rows", rows)
      json.member("wire_bytes", wireBytes)
      json.member("errors", errors)
      json.member("p99_ns", p99.wholeNanoseconds)
    }
  }

  init?(_ value: JSONValue?) {
    guard case .object(let object)? = value, let enrolled = object.integer("enrolled"),
      let ready = object.integer("ready"), let acknowledged = object.integer("acknowledged"),
      let rows = object.integer("rows"), let wireBytes = object.integer("wire_bytes"),
      let errors = object.integer("errors"), let p99 = object.integer("p99_ns")
    else { return nil }
    self.init(
      enrolled: enrolled, ready: ready, acknowledged: acknowledged, rows: rows, wireBytes: wireBytes, errors: errors,
      p99: .nanoseconds(p99))
  }
}
