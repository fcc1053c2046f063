// The OpenAPI 3.1 document. It derives from the endpoints, so nothing has to be written a second time by hand.

import Protocol

/// The document with its title and description.
struct OpenAPIDocument: Sendable {
  let title: String
  let version: String
  let description: String
  let endpoints: [Endpoint]

  /// The document as UTF-8 JSON.
  func render() -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("openapi", "3.1.0")
      json.key("info")
      json.object { json in
        json.member("title", title)
        json.member("version", version)
        json.member("description", description)
      }
      // Without `servers`, clients use the server that the document came from.
      writeTags(to: &json)
      writePaths(to: &json)
      writeComponents(to: &json)
    }
    let bytes = json.finish()
    return bytes.withUnsafeBytes { Array($0) }
  }

  private func writeTags(to json: inout JSONWriter) {
    json.key("tags")
    json.array { json in
      for tag in Tag.allCases where endpoints.contains(where: { $0.tag == tag }) {
        json.object { json in
          json.member("name", tag.rawValue)
          json.member("description", tag.prose)
        }
      }
    }
  }

  private func writePaths(to json: inout JSONWriter) {
    var templates: [String] = []
    for endpoint in endpoints where !templates.contains(endpoint.path.template) {
      templates.append(endpoint.path.template)
    }
    json.key("paths")
    json.object { json in
      for template in templates {
        json.key(template)
        json.object { json in
          for endpoint in endpoints where endpoint.path.template == template {
            json.key(endpoint.method.name.lowercased())
            OpenAPIOperation(endpoint: endpoint).write(to: &json)
          }
        }
      }
    }
  }

  private func writeComponents(to json: inout JSONWriter) {
    json.key("components")
    json.object { json in
      json.key("schemas")
      json.object { json in
        for schema in namedSchemas {
          json.key(schema.name ?? "")
          schema.writeInline(to: &json)
        }
      }
      json.key("examples")
      json.object { json in
        for kind in Problem.Kind.allCases where endpoints.contains(where: { $0.problems.contains(kind) }) {
          json.key(kind.slug)
          Self.writeExample(of: kind, to: &json)
        }
      }
      json.key("securitySchemes")
      json.object { json in for scheme in SecurityScheme.allCases { scheme.write(to: &json) } }
    }
  }

  /// Each named schema once. Two different schemas with one name are a programming error and stop the program.
  private var namedSchemas: [Schema] {
    let used = endpoints.flatMap { endpoint in
      endpoint.input.contents.flatMap(\.schema.namedObjects)
        + endpoint.answers.flatMap(\.contents).flatMap(\.schema.namedObjects)
    }
    var unique: [Schema] = []
    for schema in used + [Self.problemSchema] {
      if let known = unique.first(where: { $0.name == schema.name }) {
        precondition(known == schema, "two schemas are called \(schema.name ?? "")")
      } else {
        unique.append(schema)
      }
    }
    return unique
  }

  static let problemSchema = Schema.object(
    named: "Problem",
    [
      .init(name: "code", schema: .integer.described("The HTTP status.")),
      .init(name: "error", schema: .string.described("A stable name for the kind of problem.")),
      .init(name: "message", schema: .string.described("The kind of problem as a sentence.")),
      .init(name: "details", schema: .string.described("What exactly was wrong with this request."), isRequired: false),
      .init(name: "request_id", schema: .string.described("Finds this request in the server's log.")),
    ])

  private static func writeExample(of kind: Problem.Kind, to json: inout JSONWriter) {
    json.object { json in
      json.member("summary", kind.message)
      json.key("value")
      json.object { json in
        json.member("code", kind.status.code)
        json.member("error", kind.slug)
        json.member("message", kind.message)
        json.member("request_id", "6f1c2d34-0b5e-4c69-9d0a-1f6f5f0c7b11")
      }
    }
  }
}

/// How a caller proves its identity.
enum SecurityScheme: String, CaseIterable {
  case bearerToken
  case clientCertificate
  case registrationSecret

  func write(to json: inout JSONWriter) {
    json.key(rawValue)
    json.object { json in
      switch self {
      case .bearerToken:
        json.member("type", "http")
        json.member("scheme", "bearer")
        json.member("bearerFormat", "JWT")
        json.member("description", "An access token of a user, or the token of a collector.")
      case .clientCertificate:
        json.member("type", "mutualTLS")
        json.member("description", "The certificate that the collector got when it enrolled.")
      case .registrationSecret:
        json.member("type", "apiKey")
        json.member("in", "header")
        json.member("name", Access.registrationSecretField)
        json.member("description", "A secret that an administrator made for enrolling collectors.")
      }
    }
  }
}

extension Access {
  /// Alternatives; each is a set of schemes that are used together.
  var security: [[SecurityScheme]] {
    switch self {
    case .anyone: []
    case .user: [[.bearerToken]]
    case .collector(certificate: .required), .collector(certificate: .renewable): [[.bearerToken, .clientCertificate]]
    case .collector(certificate: .optional): [[.bearerToken], [.bearerToken, .clientCertificate]]
    case .collectorOrUser: [[.bearerToken], [.bearerToken, .clientCertificate]]
    case .registrationSecret: [[.registrationSecret]]
    }
  }

  /// The rule as a sentence for the documentation.
  var prose: String {
    switch self {
    case .anyone: "Anyone may call this."
    case .user(let role): "For users whose role is at least **\(role.rawValue)**."
    case .collector(certificate: .required): "For collectors, with their client certificate."
    case .collector(certificate: .optional): "For collectors, with or without their client certificate."
    case .collector(certificate: .renewable):
      "For collectors, with their client certificate; a certificate that ended a short time ago is accepted."
    case .collectorOrUser(let role, certificate: .required), .collectorOrUser(let role, certificate: .renewable):
      "For collectors with their client certificate, and for users whose role is at least **\(role.rawValue)**."
    case .collectorOrUser(let role, certificate: .optional):
      "For collectors, and for users whose role is at least **\(role.rawValue)**."
    case .registrationSecret: "For clients with a registration secret."
    }
  }
}

extension Endpoint {
  /// What API tokens may do, where that does not follow from the access.
  var tokenProse: String {
    switch access {
    case .anyone, .registrationSecret, .collector: return ""
    case .user, .collectorOrUser: break
    }
    if case .person = reach { return "Not for API tokens." }
    return reach.includesScoped ? "An API token with labels may call this." : ""
  }
}
