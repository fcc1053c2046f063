import Glibc
import Testing

/// The openssl program, which checks issued certificates independently.
enum OpenSSLProgram {
  static let path = "/usr/bin/openssl"
  static let isInstalled = access(path, X_OK) == 0

  /// Runs `openssl`. An argument that names one of `files` is replaced by the file's path.
  /// - Returns: the exit status, and both outputs together.
  static func run(_ arguments: [String], files: [String: [UInt8]]) throws -> (status: Int32, output: String) {
    var template = Array("/tmp/pganalytics-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      for name in Array(files.keys) + ["output"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
    for (name, bytes) in files {
      let file = open("\(directory)/\(name)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
      try #require(file >= 0 && write(file, bytes, bytes.count) == bytes.count)
      close(file)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "\(directory)/output", O_CREAT | O_WRONLY, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var argv: [UnsafeMutablePointer<CChar>?] = [strdup(path)]
    argv += arguments.map { strdup(files[$0] == nil ? $0 : "\(directory)/\($0)") } + [nil]
    defer { for argument in argv { free(argument) } }
    var process = pid_t()
    try #require(posix_spawn(&process, path, &actions, nil, &argv, environ) == 0)
    var status: Int32 = 0
    try #require(waitpid(process, &status, 0) == process)
    return (status >> 8 & 0xFF, try text(of: "\(directory)/output"))
  }

  private static func text(of path: String) throws -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    try #require(file >= 0)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = Glibc.read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
