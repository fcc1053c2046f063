import Protocol

/// Opens connections with identities in turn; enrols where a server demands it.
struct LoadClient {
  let target: LoadTarget
  let identities: [TLSIdentity]

  func identity(_ number: Int) -> TLSIdentity? { identities.isEmpty ? nil : identities[number % identities.count] }

  func connect(_ number: Int) throws -> LoadConnection {
    try LoadConnection(target, identity(number), number: number)
  }

  struct Collector {
    let id: String
    let token: String
    let identity: TLSIdentity
  }

  func enrol(secret: String) throws -> Collector {
    let key = try PrivateKey.generate()
    let request = try CertificateSigningRequest.create(for: key, commonName: "micro")
    var json = JSONWriter()
    json.object { json in
      json.member("name", "micro-\(UUID.random())")
      json.member("hostname", "db-1.example")
      json.member("csr", String(decoding: request, as: UTF8.self))
    }
    let body = json.finish().withUnsafeBytes { Array($0) }
    let head =
      "POST /api/v1/collectors/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      + "X-Registration-Secret: \(secret)\r\nContent-Length: \(body.count)\r\n\r\n"
    let connection = try LoadConnection(target, nil, number: 0)
    try connection.finishHandshake()
    try connection.send((Array(head.utf8) + body).span)
    let (status, answer) = try connection.answer()
    guard case .object(let object) = try JSONValue.parse(answer.span), case .string(let id)? = object["collector_id"],
      case .string(let token)? = object["token"], case .string(let certificate)? = object["certificate"]
    else {
      throw LoadError(description: "no enrolment: \(status) \(String(decoding: answer, as: UTF8.self))")
    }
    return Collector(
      id: id, token: token, identity: try TLSIdentity(chainPEM: Array(certificate.utf8), privateKeyPEM: key.pem()))
  }
}
