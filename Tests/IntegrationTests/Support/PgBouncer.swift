// A real PgBouncer in front of a test's database, where PgBouncer is installed.

import Glibc
import Ground
import Testing

@testable import App

final class PgBouncer {
  static let program: String? = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first { access("\($0)", X_OK) == 0 }

  /// The address of the database through the pooler.
  let address: DatabaseAddress
  /// The shell that ends the pooler, and the pipe that the shell reads.
  private let shell: pid_t
  private let lifeline: CInt

  /// - Parameter mode: the value of `pool_mode`.
  init(mode: String, database: DatabaseSettings, on cluster: TestCluster) throws {
    let program = try #require(Self.program)
    let directory = "\(cluster.directory)/\(mode)\(Int.random(in: 0..<1_000_000))"
    try ChildProcess.run(cluster.user + ["/usr/bin/mkdir", "-m", "700", directory], output: "/dev/null")
    let name = try #require(database.address["dbname"])
    let file = directory + "/pgbouncer.ini"
    try LocalFile.replace(
      file,
      with: Array(
        """
        [databases]
        \(name) = host=\(cluster.directory) user=postgres
        [pgbouncer]
        listen_addr =
        listen_port = 6432
        unix_socket_dir = \(directory)
        auth_type = any
        pool_mode = \(mode)
        default_pool_size = 50
        logfile = \(directory)/log

        """.utf8), mode: 0o644)
    // The shell ends the pooler when its standard input closes: at the end of this object or of this process.
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw TestCluster.Unusable(description: "no pipe: errno \(errno)") }
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    let command = (cluster.user + [program, "-q", file]).joined(separator: " ")
    shell = try ChildProcess.start(["/bin/sh", "-c", "\(command) & read _; kill $!; wait"], input: ends[0])
    lifeline = ends[1]
    close(ends[0])
    address = DatabaseAddress(parameters: [
      .init(keyword: "host", value: directory), .init(keyword: "port", value: "6432"),
      .init(keyword: "user", value: "postgres"), .init(keyword: "dbname", value: name),
    ])
    var looks = 0
    while looks < 1000, access(directory + "/.s.PGSQL.6432", F_OK) != 0 {
      usleep(5000)
      looks += 1
    }
  }

  deinit {
    close(lifeline)
    waitpid(shell, nil, 0)
  }
}
