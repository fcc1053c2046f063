// The webhooks and mail servers of scripts/support/delivery_targets.py, on free ports, with certificates of a test
// authority for `localhost` and 127.0.0.1.

import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Synchronization
import Testing

final class DeliveryTargets: Sendable {
  private static let root = String(
    #filePath.prefix(upTo: #filePath.firstRange(of: "/Tests/")?.lowerBound ?? #filePath.endIndex))
  private static let environment = root + "/.build/test-mail/bin/python"

  /// Whether the mail servers can run: `scripts/test` makes an environment of Python with aiosmtpd.
  static let hasMailServers: Bool = {
    let isThere = access(environment, X_OK) == 0
    if !isThere { print("****  AIOSMTPD IS NOT INSTALLED: mail was not delivered to a real server.") }
    return isThere
  }()

  /// The targets for all tests. They end with the process.
  static func shared() async throws -> DeliveryTargets {
    let task = started.withLock { started in
      if let task = started { return task }
      let task = Task { try await DeliveryTargets() }
      started = task
      return task
    }
    return try await task.value
  }

  private static let started = Mutex<Task<DeliveryTargets, any Error>?>(nil)

  /// The authority that signed the targets' certificate, in PEM.
  let authority: [UInt8]
  /// Another authority.
  let stranger: [UInt8]
  private let ports: JSONValue
  private let directory: String

  private init() async throws {
    var template = Array("/tmp/pgt-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(call: "mkdtemp", path: "/tmp", errno: errno) }
    directory = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    let now = WallClock.unixSeconds()
    let signing = try CertificateAuthority.create(commonName: "targets", validFor: 86_400, now: now)
    let key = try PrivateKey.generate()
    let issued = try signing.issueServer(
      for: key, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], validFor: 86_400, now: now)
    authority = try signing.certificate.pem()
    stranger = try CertificateAuthority.create(commonName: "stranger", validFor: 86_400, now: now).certificate.pem()
    try LocalFile.replace(directory + "/server.crt", with: issued.pem)
    try LocalFile.replace(directory + "/server.key", with: try key.pem())
    // The targets end when their standard input closes: at the end of this process.
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw FileError(call: "pipe", path: directory, errno: errno) }
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    let python = Self.hasMailServers ? Self.environment : "/usr/bin/env"
    let arguments =
      (Self.hasMailServers ? [] : ["python3"]) + [Self.root + "/scripts/support/delivery_targets.py", directory]
    let output = directory + "/ports"
    _ = try ChildProcess.start([python] + arguments, input: ends[0], output: output)
    close(ends[0])
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    while !ChildProcess.text(of: output).hasSuffix("}\n"), MonotonicTime.now() < end {
      try await Task.sleep(for: .milliseconds(20))  // because this is a pause between looks, not a guess at a duration
    }
    let line = ChildProcess.text(of: output).split(separator: "\n").last { $0.hasPrefix("{") }
    ports = try JSONValue.parse(Array((try #require(line, "\(ChildProcess.text(of: output))")).utf8).span)
  }

  func port(_ name: String) throws -> UInt16 { UInt16(try #require(ports[name]?.integer, "\(name)")) }

  /// A webhook of the targets.
  func url(_ path: String, host: String = "localhost", target: String = "https") throws -> WebhookURL {
    try WebhookURL("\(target == "http" ? "http" : "https")://\(host):\(try port(target))\(path)")
  }

  /// All requests and messages that contain `mark`.
  func received(_ mark: String) throws -> [JSONValue] {
    try ChildProcess.text(of: directory + "/received").split(separator: "\n").filter { $0.contains(mark) }.map {
      try JSONValue.parse(Array($0.utf8).span)
    }
  }

  /// Rules by which these targets can be reached.
  func rules(trusting pem: [UInt8]? = nil, deadline: Duration = .seconds(TestClient.patience)) throws -> DeliveryRules {
    var rules = DeliveryRules()
    rules.policy = AddressPolicy(permitted: [try #require(IPNetwork("127.0.0.0/8")), try #require(IPNetwork("::1"))])
    rules.trust = .authorities(pem ?? authority)
    rules.deadline = deadline
    return rules
  }
}
