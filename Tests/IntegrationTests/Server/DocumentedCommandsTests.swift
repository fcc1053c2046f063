import Glibc
import Ground
import Reactor
import Testing

@testable import App

/// Runs the commands of the documents in their order.
@Suite struct DocumentedCommandsTests {
  private static let programs = ["pganalytics", "pganalytics-bench"]

  /// The indented command lines of a document that begin with one of `programs`. A line that ends in \ continues.
  static func commands(in document: String) -> [String] {
    var commands: [String] = []
    var isOpen = false
    for line in document.split(separator: "\n", omittingEmptySubsequences: false) {
      let text = line.drop { $0 == " " }
      if !isOpen {
        guard line.count - text.count >= 4, programs.contains(where: { text.hasPrefix($0 + " ") }) else { continue }
        commands.append("")
      }
      isOpen = text.hasSuffix("\\")
      commands[commands.count - 1] += isOpen ? text.dropLast() : text
    }
    return commands
  }

  /// The command for a test: placeholders become variables of the shell, fleets are small, and runs are short.
  static func rehearsal(_ command: String) -> String {
    var text = String(command.prefix { $0 != "#" })
    text.replace(/postgresql:\S+\/restored/, with: #""$RESTORED""#)
    text.replace(/postgresql:\S+\/pganalytics\S*/, with: #""$DB""#)
    text.replace(/--database-url [^"\s]\S*/, with: #"--database-url "$DB""#)
    text.replace("/var/lib/pganalytics", with: #""$DATA""#)
    text.replace("/var/lib/restored", with: #""restored-data""#)
    text.replace("/var/backups/", with: "")
    text.replace(/--data-dir [^"\s]\S*/, with: #"--data-dir "$DATA""#)
    text.replace(/--listen \S+/, with: "--listen 127.0.0.1:0")
    text.replace(/--url \S+/, with: "--url $URL")
    text.replace(/--ca \S+/, with: "--ca $CA")
    text.replace(/--registration-secret \S+/, with: #"--registration-secret "$SECRET""#)
    text.replace(/--database-pid \$\([^)]*\)/, with: "--database-pid $$")
    text.replace(/--server-pid \$\([^)]*\)/, with: "--server-pid $$")
    text.replace(/--pid \$\([^)]*\)/, with: "--pid $$")
    text.replace(/--port \d+/, with: "--port $PORT")
    text.replace(/--ca-key \S+/, with: #"--ca-key "$DATA/ca.key""#)
    text.replace(/--count \d+/, with: "--count 4")
    text.replace(/--collectors \d+/, with: "--collectors 4")
    text.replace(/--rate \d+/, with: "--rate 4")
    text.replace(/--interval \d+s/, with: "--interval 1s")
    text.replace(/--read-credentials \S+/, with: "--read-credentials login.json")
    text.replace(/--(ramp|warm-up) \d+s/, with: { "--\($0.output.1) 200ms" })
    text.replace(/--duration \d+s/, with: "--duration 1s")
    return text
  }

  @Test(arguments: ["README.md", "docs/OPERATIONS.md", "docs/BENCH.md"])
  func `every command of a document succeeds`(_ document: String) async throws {
    let root = #filePath.components(upTo: "/Tests/")
    let commands = Self.commands(in: ChildProcess.text(of: "\(root)/\(document)"))
    #expect(commands.count >= 4, "\(commands)")
    let server = try await RunningServer.start()
    let directory = server.settings.dataDirectory
    // The commands write beside the data directory, because some of them copy it.
    let workplace = directory + "-commands"
    try #require(mkdir(workplace, 0o700) == 0)
    defer { try? ChildProcess.run(["/bin/rm", "-rf", workplace], output: "/dev/null") }
    try await Accounts.add(
      "ada", password: RunningServer.password, role: .viewer, email: nil, fullName: nil, to: server.database)
    try LocalFile.replace(
      workplace + "/login.json", with: Array(#"{"username":"ada","password":"\#(RunningServer.password)"}"#.utf8))
    // Every run enrols the same fleet again, as the documents say.
    let secret = "the secret of the load tests"
    try await Secrets.add(
      secret, name: "load tests", expiry: nil, maxUses: nil, reenrolment: .replace, to: server.database)
    let other = try await TestCluster.shared.get().makeDatabase().address
    let restored = other.parameters.map { "\($0.keyword)='\($0.value)'" }.joined(separator: " ")
    for (index, command) in commands.enumerated() {
      let output = "\(workplace)/command-\(index).out"
      let script = """
        cd '\(workplace)'
        PATH='\(try BuiltProgram.directory())':$PATH
        DB="\(server.settings.databaseURL)"
        RESTORED="\(restored)"
        DATA='\(directory)'
        export PGANALYTICS_DATA_DIR="$DATA" PGANALYTICS_DATABASE_URL="$DB"
        PORT=\(server.server.address.port)
        URL=https://127.0.0.1:$PORT
        CA='\(server.server.certificateAuthorityFile)'
        SECRET='\(secret)'
        exec \(Self.rehearsal(command))
        """
      let child = try ChildProcess.start(["/bin/sh", "-euc", script], output: output)
      var status: CInt = 0
      if command.hasPrefix("pganalytics serve") {
        try await server.eventually("the server is not up: \(ChildProcess.text(of: output))") {
          ChildProcess.text(of: output).contains(" is up")
        }
        kill(child, SIGTERM)
      }
      try await server.eventually("the command does not end: \(command)") { waitpid(child, &status, WNOHANG) != 0 }
      #expect(status == 0, "\(document): \(command)\n\(ChildProcess.text(of: output))")
    }
    await server.stop()
  }
}

extension String {
  fileprivate func components(upTo marker: String) -> String {
    firstRange(of: marker).map { String(self[..<$0.lowerBound]) } ?? self
  }
}
