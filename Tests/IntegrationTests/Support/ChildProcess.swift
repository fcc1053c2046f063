// Starts processes with posix_spawn(3), because a test of a server should not need Foundation for that.

import Glibc

enum ChildProcess {
  struct Failure: Error, CustomStringConvertible {
    let command: [String]
    let status: CInt
    let output: String
    var description: String { "\(command.joined(separator: " ")): status \(status)\n\(output)" }
  }

  /// Starts `command`: an absolute path and arguments. Its standard input is `input`, or else /dev/null. Its standard
  /// output and standard error are `outputDescriptor`, or else the file at the path `output`.
  static func start(
    _ command: [String], input: CInt? = nil, output: String? = nil, outputDescriptor: CInt? = nil
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    if let outputDescriptor {
      posix_spawn_file_actions_adddup2(&actions, outputDescriptor, 1)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    // Threads of the Swift runtime block every signal. A child would inherit that: nothing could end it, and a shell
    // would not learn of the end of its own children.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let status = posix_spawn(&pid, command[0], &actions, &attributes, &arguments, environ)
    if status != 0 { throw Failure(command: command, status: status, output: String(cString: strerror(status))) }
    return pid
  }

  /// Runs `command` to its end. - Throws: if it does not exit with 0.
  static func run(_ command: [String], output: String) throws {
    let pid = try start(command, output: output)
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    if status != 0 { throw Failure(command: command, status: status, output: text(of: output)) }
  }

  static func text(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var text = ""
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, CInt(line.count), file) != nil {
      text += String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    return text
  }
}
