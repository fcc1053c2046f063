import Glibc
import Logging
import Reactor
import Testing

@testable import App

/// The thread of a log writer, at a pipe that the test reads.
@Suite struct LogWriterTests {
  /// A pipe that holds 4 KiB, and both its ends.
  private final class Pipe {
    let reader: CInt
    let writer: CInt

    init() throws {
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      (reader, writer) = (ends[0], ends[1])
      let setSize: CInt = 1031  // F_SETPIPE_SZ
      try #require(fcntl(writer, setSize, 4096) == 4096)
    }

    deinit {
      close(reader)
      close(writer)
    }

    /// Waits for bytes and returns them. The text is empty at the end of the pipe.
    func read() -> String {
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = Glibc.read(reader, &bytes, bytes.count)
      return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// Reads until `lines` lines have come.
    func read(lines: Int) -> [Substring] {
      var text = ""
      while text.utf8.count(where: { $0 == UInt8(ascii: "\n") }) < lines {
        let more = read()
        if more.isEmpty { break }
        text += more
      }
      return text.split(separator: "\n")
    }
  }

  private static func line(_ number: Int, padding: Int = 0) -> [UInt8] {
    Array("{\"n\":\(number),\"p\":\"\(String(repeating: "x", count: padding))\"".utf8)
  }

  private func isStalled(_ writer: LogWriter, _ pipe: Pipe) -> Bool {
    var there: CInt = 0
    return ioctl(pipe.reader, UInt(FIONREAD), &there) == 0 && there > 0
  }

  @Test func `lines come out as they went in, each once, in their order`() throws {
    let pipe = try Pipe()
    let writer = try LogWriter(pipe.writer, bytes: 1 << 20, urgentBytes: 1 << 16)
    for number in 0..<2000 { writer.append(Self.line(number), at: number % 7 == 0 ? .error : .info) }
    let lines = pipe.read(lines: 2000)
    #expect(lines == (0..<2000).map { "{\"n\":\($0),\"p\":\"\"}" })
    #expect(writer.losses.isNone)
    writer.close()
  }

  @Test func `dropped lines are counted by level, and the next line that fits states the count`() throws {
    let pipe = try Pipe()
    let writer = try LogWriter(pipe.writer, bytes: 64 * 1024, urgentBytes: 64 * 1024)
    // A line has 100 bytes. The pipe takes 4 KiB at most.
    let line = Self.line(1, padding: 100 - 15)
    #expect(line.count == 100 - 2)
    let begun = MonotonicTime.now()
    for _ in 0..<2000 { writer.append(line, at: .info) }
    let ordinary = writer.losses.dropped[LogWriter.index(of: .info)]
    #expect((2000 - 42 - 656...2000 - 655).contains(ordinary), "\(ordinary)")
    for _ in 0..<2000 { writer.append(line, at: .warning) }
    let urgent = writer.losses.dropped[LogWriter.index(of: .warning)]
    #expect(urgent < 2000 - 600, "warnings have the urgent share: \(urgent) of 2000 dropped")
    #expect(MonotonicTime.now() - begun < .seconds(5), "no append waits for the reader")
    // The reader is back: it gets the kept lines, and the next line states the number of dropped ones.
    let kept = 4000 - ordinary - urgent
    let lines = pipe.read(lines: kept)
    #expect(lines.count == kept)
    #expect(
      lines.count { $0.hasSuffix(",\"dropped\":\(ordinary)}") } == 1, "the first warning states the drops before it")
    writer.flush(atMost: .seconds(30))
    writer.append(Self.line(2), at: .info)
    writer.append(Self.line(3), at: .info)
    #expect(pipe.read(lines: 2) == ["{\"n\":2,\"p\":\"\",\"dropped\":\(urgent)}", "{\"n\":3,\"p\":\"\"}"])
    writer.close()
  }

  @Test func `a reader that is gone costs lines and nothing else`() throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    close(ends[0])
    let writer = try LogWriter(ends[1], bytes: 1 << 16, urgentBytes: 1 << 16)
    for number in 0..<10 { writer.append(Self.line(number), at: .info) }
    writer.flush(atMost: .seconds(30))
    #expect(writer.losses.unwritten == 10)
    writer.close()
  }

  @Test func `a nonblocking descriptor loses no lines`() throws {
    let pipe = try Pipe()
    try #require(fcntl(pipe.writer, F_SETFL, O_NONBLOCK) == 0)
    let writer = try LogWriter(pipe.writer, bytes: 1 << 20, urgentBytes: 1 << 16)
    for number in 0..<2000 { writer.append(Self.line(number, padding: 90), at: .info) }
    #expect(pipe.read(lines: 2000).count == 2000)
    #expect(writer.losses.isNone)
    writer.close()
  }

  @Test func `a flush waits for the lines before it, and no longer than its limit`() throws {
    let pipe = try Pipe()
    let writer = try LogWriter(pipe.writer, bytes: 1 << 20, urgentBytes: 1 << 16)
    writer.append(Self.line(0), at: .info)
    writer.flush(atMost: .seconds(30))
    #expect(isStalled(writer, pipe), "the line is in the pipe")
    for number in 0..<1000 { writer.append(Self.line(number, padding: 100), at: .info) }
    let begun = MonotonicTime.now()
    writer.flush(atMost: .milliseconds(200))
    #expect((.milliseconds(200)...(.seconds(10))).contains(MonotonicTime.now() - begun))
    _ = pipe.read(lines: 1001)
    writer.flush(atMost: .seconds(30))
    writer.close()
  }

  @Test func `a line longer than the buffer is dropped, and a line as long as the buffer is not`() throws {
    let pipe = try Pipe()
    let writer = try LogWriter(pipe.writer, bytes: 64 * 1024, urgentBytes: 64 * 1024)
    let exact = [UInt8](repeating: UInt8(ascii: "x"), count: 64 * 1024 - 2)
    writer.append(exact + [0], at: .info)
    #expect(writer.losses.dropped[LogWriter.index(of: .info)] == 1)
    writer.append(Array(exact.dropLast(16)), at: .info)  // `,"dropped":1` has to fit as well
    #expect(pipe.read(lines: 1).count == 1)
    writer.close()
  }

  @Test func `numbers are numbers in a JSON log line, and texts are texts`() throws {
    let pipe = try Pipe()
    let writer = try LogWriter(pipe.writer, bytes: 1 << 16, urgentBytes: 1 << 16)
    var settings = Settings()
    settings.logLevel = "info"
    let log = ServerLog(settings, to: writer)
    log.info("stored", ["rows": 7, "ratio": 0.5, "duplicate": false, "id": "7", "big": Int64.max])
    let line = String(pipe.read(lines: 1).first ?? "")
    for field in [
      #""rows":7"#, #""ratio":0.5"#, #""duplicate":false"#, #""id":"7""#, #""big":9223372036854775807"#,
      #""message":"stored""#, #""level":"info""#,
    ] { #expect(line.contains(field + ",") || line.contains(field + "}"), "\(field) in \(line)") }
    writer.close()
  }
}
