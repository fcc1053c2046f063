// A part of the fleet in another process, seen from the process that watches the run. One process has descriptors for
// about twenty thousand connections, and a machine has more cores than one process has loops. On the scoreboard, a
// process counts as one shard.
//
//   to the worker     {"start": ns} once all are ready · {"interrupt": true}
//   from the worker   {"ready": true} · {"progress": {…}} each 50 ms · {"result": {…}}
//
// Times are of CLOCK_MONOTONIC, which the processes of a machine share.

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// Starts a worker process, informs it, and takes its result.
final class WorkerProcess: LineHandler {
  private let number: Int
  private let scoreboard: Scoreboard
  private let id: pid_t
  private var socket: LineSocket?
  private var hasResult = false
  private var interruptionsTold = 0
  private var isTold = false
  /// The reason why there will be no result; nil while there may be one.
  private(set) var failure: String?

  /// Starts this program in another process.
  /// - Parameters: as in `Fleet.Role.captain`.
  init(
    number: Int, executable: String, arguments: [String], loop: EventLoop, scoreboard: Scoreboard
  ) throws {
    self.number = number
    self.scoreboard = scoreboard
    var ends: [CInt] = [-1, -1]
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SystemCallError(call: "socketpair", errno: errno) }
    let ours = FileDescriptor(owning: ends[0])
    let theirs = FileDescriptor(owning: ends[1])
    id = try Self.spawn(executable, arguments + ["--worker", String(number)], input: theirs.raw)
    socket = try LineSocket(loop: loop, descriptor: ours, handler: self)
  }

  /// Sends the worker the times of the run and the interruptions that it does not know yet.
  func inform() {
    if let times = scoreboard.times, !isTold {
      isTold = true
      socket?.send { $0.object { $0.member("start", times.start.nanoseconds) } }
    }
    while interruptionsTold < scoreboard.interruptions {
      interruptionsTold += 1
      socket?.send { $0.object { $0.member("interrupt", true) } }
    }
  }

  func received(_ message: JSONObject) {
    if message["ready"] != nil { scoreboard.becameReady() }
    if let progress = Progress(message["progress"]) { scoreboard.publish(progress, shard: number) }
    if let value = message["result"] {
      guard let result = FleetResult(value) else { return lineEnded() }
      hasResult = true
      scoreboard.finish(result)
    }
  }

  func lineEnded() {
    if !hasResult, failure == nil { failure = "worker process \(number) ended without a result" }
  }

  /// Waits until the process has ended.
  func join() {
    var status: CInt = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    socket = nil
  }

  /// Starts the process in its own process group, so that Ctrl-C reaches it only once, through this process.
  private static func spawn(_ executable: String, _ arguments: [String], input: CInt) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    var actions = posix_spawn_file_actions_t()
    posix_spawnattr_init(&attributes)
    posix_spawn_file_actions_init(&actions)
    defer {
      posix_spawnattr_destroy(&attributes)
      posix_spawn_file_actions_destroy(&actions)
    }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    let environment = try LocalFile.require("/proc/self/environ").split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
    var words = (["pganalytics-bench"] + arguments).map { strdup($0) } + [nil]
    var settings = environment.map { strdup($0) } + [nil]
    defer { for text in words + settings { free(text) } }
    var id: pid_t = 0
    // Safety: every text is a copy that lives until the function returns, and the lists end with nil.
    let error = posix_spawn(&id, executable, &actions, &attributes, &words, &settings)
    if error != 0 { throw SystemCallError(call: "posix_spawn", errno: error) }
    return id
  }
}
