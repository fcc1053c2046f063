// The options for reads beside the pushes.

import ArgumentParser
import Ground
internal import Protocol

struct ReadOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Number of clients that read, each over its own connection and without a pause, from the first push to the end of the measured part.",
      valueName: "count"))
  var readers = 0

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Paths that the readers request in turn. Each reader begins with another path: /api/v1/servers/1/metrics?metric_type=…",
      valueName: "path"))
  var read: [String] = []

  @Option(
    help: ArgumentHelp(
      "Name and password to log in with, as JSON: {\"username\": …, \"password\": …}, or the credentials.json that `pganalytics up` writes.",
      valueName: "file"))
  var readCredentials: String?

  mutating func validate() throws {
    try checkRanges([("--readers", readers, 0...10_000)])
    if readers > 0, read.isEmpty { throw ValidationError("--readers needs --read.") }
    if readers == 0, !read.isEmpty || readCredentials != nil { throw ValidationError("--read needs --readers.") }
    for path in read where !path.hasPrefix("/") || !path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
      throw ValidationError("--read \(path): not a path of the server, such as /api/v1/servers")
    }
  }

  /// - Returns: the plan of the reads; nil without readers.
  func plan() throws(UsageError) -> ReadPlan? {
    if readers == 0 { return nil }
    var login: ReadPlan.Login?
    if let file = readCredentials {
      do {
        let bytes = try LocalFile.require(file)
        guard case .object(let object) = try JSONValue.parse(bytes.span) else {
          throw UsageError(description: "--read-credentials \(file): not a JSON object")
        }
        var source = object
        if case .object(let admin)? = object["admin"] { source = admin }
        guard let name = source.string("username"), let password = source.string("password") else {
          throw UsageError(description: "--read-credentials \(file): has no username and password")
        }
        login = ReadPlan.Login(username: name, password: password)
      } catch let error as UsageError {
        throw error
      } catch {
        throw UsageError(description: "--read-credentials \(file): \(error)")
      }
    }
    return ReadPlan(readers: readers, paths: read, login: login)
  }
}
