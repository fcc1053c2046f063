// Tests make heads with the parser, as the server does: an `HTTPRequestHead` is proof that its bytes were parsed.

import Protocol
import Testing

@testable import App

/// The head of a request. - Parameter fields: lines such as `Accept: text/csv`.
func head(_ method: String, _ target: String, _ fields: [String] = []) throws -> HTTPRequestHead {
  let lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + fields + ["", ""]
  let bytes = Array(lines.joined(separator: "\r\n").utf8)
  var machine = HTTPServerMachine()
  var position = 0
  guard case .head(let head) = machine.next(bytes.span, &position) else { throw NotAHead() }
  return head
}

struct NotAHead: Error {}

let collectorID = UUID(high: 0x1111_1111_1111_4111, low: 0x8111_1111_1111_1111)

func user(_ role: Role) -> Principal {
  .user(.init(id: 7, name: "ada", role: role, sessionID: UUID(high: 1, low: 2)))
}

func collector(hasCertificate: Bool = true) -> Principal {
  .collector(.init(id: collectorID, hasCertificate: hasCertificate))
}

func context(_ principal: Principal = .anonymous, now: Timestamp = Timestamp(unixSeconds: 0)) -> RequestContext {
  RequestContext(
    settings: Settings(), principal: principal, requestID: "r-1", peerAddress: "192.0.2.1", peerCertificate: nil,
    now: now)
}

extension HTTPResponse {
  func value(of name: String) -> String? { fields.first { $0.name == name }?.value }
  func json() throws -> JSONValue { try JSONValue.parse(body.span) }
}

extension JSONValue {
  subscript(name: String) -> JSONValue? { if case .object(let object) = self { object[name] } else { nil } }
  var text: String? { if case .string(let text) = self { text } else { nil } }
}
