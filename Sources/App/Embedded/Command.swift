// A program to run. The arguments are an array; no shell is involved. The program is detached from the terminal (see
// cepoll_spawn).

internal import CEpoll.Process
internal import Glibc
internal import Reactor

struct Command: Sendable {
  /// Absolute path of the program that is started.
  var program: String
  /// The path of the program that does the work. Errors name it, also if another program starts it.
  let worker: String
  var arguments: [String]
  /// The complete environment. Nothing is inherited, so no PG* variable of the caller's shell reaches PostgreSQL.
  var environment = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/"]
  var directory = "/"

  /// The largest number of bytes of output that `run` keeps. Further output is read and dropped.
  static let maximumOutputBytes = 64 * 1024

  init(_ program: String, _ arguments: [String]) {
    self.program = program
    worker = program
    self.arguments = arguments
  }

  /// The same program as another user. setpriv(1) replaces itself by the program, so the process id stays the same.
  func running(as user: SystemUser) -> Command {
    var command = self
    command.program = "/usr/bin/setpriv"
    command.arguments =
      ["--reuid=\(user.userID)", "--regid=\(user.groupID)", "--clear-groups", "--", program] + arguments
    return command
  }

  /// Starts it and leaves it running.
  /// - Parameter output: gets standard output and standard error. The caller still owns the descriptor.
  func start(output: borrowing FileDescriptor) throws(EmbeddedPostgresError) -> RunningProcess {
    let id = Self.withCStrings([program] + arguments) { arguments in
      Self.withCStrings(environment) { environment in
        cepoll_spawn(program, arguments, environment, directory, output.raw)
      }
    }
    guard id > 0 else { throw .systemCall("posix_spawn", path: program, errno: -id) }
    return RunningProcess(child: id)
  }

  /// Runs the program to its end.
  /// - Returns: its standard output and standard error together.
  /// - Throws: `.commandFailed` unless it exits with 0; `.commandTookTooLong` after killing it.
  @discardableResult
  func run(limit: Duration) throws(EmbeddedPostgresError) -> String {
    var readEnd: CInt = -1
    var writeEnd: CInt = -1
    let made = cepoll_pipe(&readEnd, &writeEnd)
    guard made == 0 else { throw .systemCall("pipe2", path: program, errno: -made) }
    let source = FileDescriptor(owning: readEnd)
    let process = try start(output: FileDescriptor(owning: writeEnd))

    let deadline = ContinuousClock().now + limit
    let output = Self.drain(source, until: deadline)
    let waited = process.wait(atMost: max(.zero, deadline - ContinuousClock().now))
    switch waited {
    case .ended(.exited(code: 0)): return output
    case .ended(let end): throw .commandFailed(program: worker, end: end, output: output)
    case .interrupted, .tookTooLong:
      kill(-process.id, SIGKILL)  // the whole session, because initdb has children
      process.send(SIGKILL)
      _ = process.wait(atMost: nil)
      throw .commandTookTooLong(program: worker, limit: limit)
    }
  }

  /// Reads until every writer is gone or the deadline has passed.
  private static func drain(_ source: borrowing FileDescriptor, until deadline: ContinuousClock.Instant) -> String {
    var kept: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let left = deadline - ContinuousClock().now
      if left <= .zero { break }
      if cepoll_poll_either(source.raw, -1, left.pollMilliseconds) & 1 == 0 { continue }
      let count = chunk.withUnsafeMutableBytes { Glibc.read(source.raw, $0.baseAddress, $0.count) }
      if count <= 0 { break }
      kept += chunk.prefix(min(count, maximumOutputBytes - kept.count))
    }
    while let last = kept.last, last == UInt8(ascii: "\n") { kept.removeLast() }
    return String(decoding: kept, as: UTF8.self)
  }

  private static func withCStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
  ) -> R {
    // Safety: the copies live until `body` has returned; posix_spawn(3) copies what the child needs.
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}
