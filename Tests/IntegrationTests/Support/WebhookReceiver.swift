// A real HTTP server for tests of notifications: Python's, in a process of its own.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Records each request. The path decides the answer: `/refuse` 403, `/fail` 500, `/redirect` 302, `/hang` none,
/// `/slow` 200 after a second, and any other path 200 with the body `taken`.
final class WebhookReceiver: Sendable {
  struct Request: Sendable {
    let path: String
    let fields: [String: String]
    let body: String
  }

  private static let program = """
    import http.server, json, sys, time
    record = sys.argv[1]
    class Handler(http.server.BaseHTTPRequestHandler):
      def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0))).decode()
        entry = {'path': self.path, 'fields': {k.lower(): v for k, v in self.headers.items()}, 'body': body}
        with open(record, 'a') as file:
          file.write(json.dumps(entry) + '\\n')
        if self.path == '/hang': time.sleep(600)
        if self.path == '/slow': time.sleep(1)
        status = {'/refuse': 403, '/fail': 500, '/redirect': 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302: self.send_header('Location', '/elsewhere')
        answer = b'taken' if status == 200 else b'not taken'
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
      def log_message(self, *arguments): pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """

  let port: UInt16
  private let pid: pid_t
  private let directory: String

  init() async throws {
    directory = try LocalDirectory.makeUnique(prefix: "/tmp/pga-webhook-")
    let script = directory + "/receiver.py"
    try LocalFile.replace(script, with: Array(Self.program.utf8))
    let output = directory + "/output"
    pid = try ChildProcess.start(["/usr/bin/env", "python3", script, directory + "/requests"], output: output)
    var port: UInt16?
    for _ in 0..<3000 where port == nil {
      port = ChildProcess.text(of: output).split(separator: "\n").first.flatMap { UInt16($0) }
      // because the process needs a moment to start. This is a pause between looks.
      if port == nil { try await Task.sleep(for: .milliseconds(20)) }
    }
    self.port = try #require(port, "the receiver does not start: \(ChildProcess.text(of: output))")
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    for name in ["receiver.py", "requests", "output"] { unlink(directory + "/" + name) }
    rmdir(directory)
  }

  func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

  /// The requests so far.
  var requests: [Request] {
    let text = (try? LocalFile.read(directory + "/requests")) ?? []  // because there may be no request yet
    return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      // The last line may be incomplete while the receiver writes it.
      let entry = (try? JSONValue.parse(Array(line).span)) ?? .null  // because the next look reads it again
      guard let path = entry["path"]?.text, let body = entry["body"]?.text, case .object(let fields)? = entry["fields"]
      else { return nil }
      let pairs = fields.members.compactMap { member in member.value.text.map { (member.name, $0) } }
      return Request(path: path, fields: Dictionary(pairs) { $1 }, body: body)
    }
  }
}
