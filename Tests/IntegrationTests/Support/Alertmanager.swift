// A real Alertmanager, where Debian's package prometheus-alertmanager is installed.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

final class Alertmanager: Sendable {
  static let program: String? = ["/usr/bin/prometheus-alertmanager", "/usr/bin/alertmanager"].first {
    access($0, X_OK) == 0
  }

  let url: String
  private let pid: pid_t
  private let directory: String

  init(_ program: String) async throws {
    directory = try LocalDirectory.makeUnique(prefix: "/tmp/pga-alertmanager-")
    let port = try Self.freePort()
    url = "http://127.0.0.1:\(port)"
    let configuration = directory + "/alertmanager.yml"
    try LocalFile.replace(
      configuration, with: Array("route:\n  receiver: none\nreceivers:\n  - name: none\n".utf8))
    pid = try ChildProcess.start(
      [
        program, "--config.file=\(configuration)", "--storage.path=\(directory)/data",
        "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
      ], output: directory + "/log")
    for _ in 0..<3000 {
      if try await request("/-/ready").contains("OK") { return }
      // because the process needs a moment to start. This is a pause between looks.
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("Alertmanager does not start: \(ChildProcess.text(of: directory + "/log"))")
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    var status: CInt = 0
    // The data directory has files of Alertmanager's own.
    if let remover = try? ChildProcess.start(["/usr/bin/rm", "-rf", directory]) {  // because a deinit cannot throw
      waitpid(remover, &status, 0)
    }
  }

  /// The alerts in `state`, `active` or `suppressed`.
  func alerts(_ state: String) async throws -> [JSONValue] {
    let text = try await request("/api/v2/alerts?active=\(state == "active")")
    return try JSONValue.parse(Array(text.utf8).span, limits: JSONValueLimits(bytes: 64 << 20)).elements
  }

  /// Asks with curl. - Returns: the body; empty if Alertmanager cannot be reached.
  private func request(_ path: String) async throws -> String {
    let output = "\(directory)/answer-\(UUID.random())"
    let client = try ChildProcess.start(["/usr/bin/env", "curl", "-s", "-m", "30", "-o", output, url + path])
    var status: CInt = 0
    while waitpid(client, &status, WNOHANG) == 0 { try await Task.sleep(for: .milliseconds(5)) }  // because curl runs
    defer { unlink(output) }
    return ChildProcess.text(of: output)
  }

  /// A port of the loopback that nobody uses at the moment.
  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    try PlainSocket.bind(descriptor, to: "127.0.0.1")
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      // Safety: a sockaddr_in is filled as the sockaddr that it begins with, for the length of the call.
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    #expect(status == 0)
    return UInt16(bigEndian: address.sin_port)
  }
}
