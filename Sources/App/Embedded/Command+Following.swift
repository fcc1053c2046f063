// Runs a program that may take hours: its output arrives line by line, and a signal can end it early.

internal import CEpoll.Process
internal import Glibc
internal import Reactor

extension Command {
  /// The number of last lines that an error contains.
  private static let keptLines = 12
  /// How long a program may take to end after SIGTERM. pg_dump and pg_restore cancel their statements meanwhile.
  private static let farewell = Duration.seconds(10)

  /// The same program, which also gets SIGTERM when the thread that starts it ends. So it does not outlive this process,
  /// however that ends.
  func endingWithThread() -> Command {
    var command = self
    command.program = "/usr/bin/setpriv"
    command.arguments = ["--pdeathsig", "TERM", "--", program] + arguments
    return command
  }

  /// Runs the program to its end, however long that takes.
  /// - Parameters:
  ///   - interruption: ends the program early.
  ///   - line: gets each line of standard output and standard error, without its end.
  /// - Throws: `.commandFailed` with the last lines of the output, unless the program exits with 0;
  ///   `.commandInterrupted`.
  func follow(_ interruption: Interruption, line: (String) -> Void) throws(EmbeddedPostgresError) {
    var readEnd: CInt = -1
    var writeEnd: CInt = -1
    let made = cepoll_pipe(&readEnd, &writeEnd)
    guard made == 0 else { throw .systemCall("pipe2", path: program, errno: -made) }
    let source = FileDescriptor(owning: readEnd)
    let process = try start(output: FileDescriptor(owning: writeEnd))
    var reader = LineReader(limit: Self.maximumOutputBytes)
    var last: [String] = []
    while true {
      let ready = cepoll_poll_either(source.raw, interruption.descriptor, -1)
      if ready & 2 != 0 { break }
      if ready & 1 == 0 { continue }
      let lines = reader.read(source.raw)
      for text in lines ?? [] {
        last = last.suffix(Self.keptLines - 1) + [text]
        line(text)
      }
      if lines == nil { break }
    }
    switch process.wait(atMost: nil, orUntilReadable: interruption.descriptor) {
    case .ended(.exited(code: 0)): return
    case .ended(let end):
      throw .commandFailed(program: program, end: end, output: Self.complaint(last))
    case .interrupted, .tookTooLong:
      process.send(SIGTERM)
      if process.wait(atMost: Self.farewell) == .tookTooLong {
        kill(-process.id, SIGKILL)  // the whole session, because pg_dump has children
        process.send(SIGKILL)
        _ = process.wait(atMost: nil)
      }
      throw .commandInterrupted(program: program)
    }
  }

  /// The lines of an error: from the first one that says so.
  private static func complaint(_ lines: [String]) -> String {
    let start = lines.firstIndex { $0.contains("error:") || $0.contains("FATAL:") } ?? lines.startIndex
    return lines[start...].joined(separator: "\n")
  }
}

/// Cuts the bytes of a pipe into lines.
private struct LineReader {
  /// A longer line is cut into several.
  let limit: Int
  private var rest: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  /// Reads what there is. - Returns: the lines that are complete; nil at the end of the pipe.
  mutating func read(_ descriptor: CInt) -> [String]? {
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { return [] }
    if count <= 0 { return nil }
    rest += chunk.prefix(count)
    var lines: [String] = []
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: rest[..<end], as: UTF8.self))
      rest.removeFirst(end + 1)
    }
    if rest.count > limit {
      lines.append(String(decoding: rest, as: UTF8.self))
      rest = []
    }
    return lines
  }
}
