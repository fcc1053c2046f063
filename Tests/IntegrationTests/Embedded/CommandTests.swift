internal import Glibc
import Testing

@testable import App

struct CommandTests {
  @Test func `a command keeps output up to its limit, and reads on until the program ends`() throws {
    let limit = Command.maximumOutputBytes
    for size in [limit - 1, limit, limit + 1, 3 * limit] {
      let output = try Command("/usr/bin/head", ["-c", "\(size)", "/dev/zero"]).run(limit: .seconds(30))
      #expect(output.utf8.count == min(size, limit))
    }
  }

  @Test func `a program that takes too long is killed with its children`() throws {
    let command = Command("/bin/sh", ["-c", "echo $$; sleep 600 & sleep 600"])
    let error = #expect(throws: EmbeddedPostgresError.self) { try command.run(limit: .milliseconds(300)) }
    #expect(error == .commandTookTooLong(program: "/bin/sh", limit: .milliseconds(300)))
  }

  @Test func `a failed program is reported with exit code, signal and output`() throws {
    let failed = #expect(throws: EmbeddedPostgresError.self) {
      try Command("/bin/sh", ["-c", "echo why >&2; exit 3"]).run(limit: .seconds(30))
    }
    #expect(failed == .commandFailed(program: "/bin/sh", end: .exited(code: 3), output: "why"))
    let killed = #expect(throws: EmbeddedPostgresError.self) {
      try Command("/bin/sh", ["-c", "kill -KILL $$"]).run(limit: .seconds(30))
    }
    #expect(killed == .commandFailed(program: "/bin/sh", end: .killed(signal: SIGKILL), output: ""))
  }

  @Test func `a missing program fails at once`() throws {
    let error = #expect(throws: EmbeddedPostgresError.self) { try Command("/nowhere", []).run(limit: .seconds(30)) }
    #expect(error == .systemCall("posix_spawn", path: "/nowhere", errno: ENOENT))
  }

  @Test func `a child has its own session, and no descriptor, blocked signal or input of its parent`() throws {
    let descriptor = open("/dev/null", O_RDONLY)  // without close-on-exec on purpose
    defer { close(descriptor) }
    let script = """
      cut -d' ' -f1,5,6 /proc/$$/stat; ls /proc/$$/fd; wc -c; pwd; echo $PGHOST
      """
    var blocked = sigset_t()
    sigemptyset(&blocked)
    sigaddset(&blocked, SIGUSR1)
    pthread_sigmask(SIG_BLOCK, &blocked, nil)
    signal(SIGUSR2, SIG_IGN)
    defer {
      pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
      signal(SIGUSR2, SIG_DFL)
    }
    setenv("PGHOST", "leak", 1)
    defer { unsetenv("PGHOST") }
    let lines = try Command("/bin/sh", ["-c", script]).run(limit: .seconds(30)).split(separator: "\n")
    let ids = try #require(lines.first).split(separator: " ")
    #expect(ids.count == 3 && ids[0] == ids[1] && ids[0] == ids[2], "process, group and session differ: \(ids)")
    #expect(Array(lines.dropFirst().prefix(3)) == ["0", "1", "2"])
    let masks = try Command("/usr/bin/grep", ["-E", "Sig(Blk|Ign)", "/proc/self/status"]).run(limit: .seconds(30))
    for name in ["SigBlk:\t", "SigIgn:\t"] {
      let mask = try #require(masks.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count))
      // glibc keeps 32 and 33 for its threads; 1 to 31 are the program's.
      #expect(UInt64(mask, radix: 16).map { $0 & 0x7fff_ffff } == 0, "\(name)\(mask)")
    }
    #expect(lines.suffix(2) == ["0", "/"])
  }
}
