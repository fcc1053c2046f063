// One operation of the document (OpenAPI 3.1 §4.8.10), derived from one endpoint.

import Protocol

struct OpenAPIOperation {
  let endpoint: Endpoint

  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("operationId", endpoint.id)
      json.key("tags")
      json.array { json in json.value(endpoint.tag.rawValue) }
      json.member("summary", endpoint.summary)
      let prose = [endpoint.description, endpoint.access.prose, endpoint.tokenProse].filter { !$0.isEmpty }
      json.member("description", prose.joined(separator: "\n\n"))
      writeSecurity(to: &json)
      writeParameters(to: &json)
      writeBody(to: &json)
      writeResponses(to: &json)
    }
  }

  private func writeSecurity(to json: inout JSONWriter) {
    json.key("security")
    json.array { json in
      for alternative in endpoint.access.security {
        json.object { json in
          for scheme in alternative {
            json.key(scheme.rawValue)
            json.array { _ in }
          }
        }
      }
    }
  }

  private func writeParameters(to json: inout JSONWriter) {
    let path = endpoint.path.parameters
    if path.isEmpty, endpoint.query.isEmpty, endpoint.requestFields.isEmpty { return }
    json.key("parameters")
    json.array { json in
      for (name, kind) in path {
        writeParameter(name, in: "path", kind.schema, "", isRequired: true, to: &json)
      }
      for parameter in endpoint.query {
        var schema = parameter.schema
        let prose = schema.description
        schema.description = ""
        writeParameter(parameter.name, in: "query", schema, prose, isRequired: parameter.isRequired, to: &json)
      }
      for field in endpoint.requestFields {
        writeParameter(field.name, in: "header", field.schema, field.prose, isRequired: false, to: &json)
      }
    }
  }

  private func writeParameter(
    _ name: String, in place: String, _ schema: Schema, _ prose: String, isRequired: Bool, to json: inout JSONWriter
  ) {
    json.object { json in
      json.member("name", name)
      json.member("in", place)
      if isRequired { json.member("required", true) }
      if !prose.isEmpty { json.member("description", prose) }
      json.key("schema")
      schema.write(to: &json)
    }
  }

  private func writeBody(to json: inout JSONWriter) {
    if endpoint.input.contents.isEmpty { return }
    json.key("requestBody")
    json.object { json in
      json.member("required", endpoint.input.isRequired)
      json.key("content")
      json.object { json in
        for content in endpoint.input.contents {
          writeContent(content.type, content.schema, content.example, to: &json)
        }
      }
    }
  }

  private func writeContent(
    _ type: MediaType, _ schema: Schema, _ example: JSONValue, to json: inout JSONWriter
  ) {
    json.key(type.description)
    json.object { json in
      json.key("schema")
      schema.write(to: &json)
      json.key("example")
      json.value(example)
    }
  }

  private func writeResponses(to json: inout JSONWriter) {
    json.key("responses")
    json.object { json in
      for answer in endpoint.answers {
        json.key(String(answer.status.code))
        write(answer, to: &json)
      }
      // If the endpoint declares an answer with an error's status (a failing health check), this answer describes that
      // status.
      let answered = Set(endpoint.answers.map(\.status.code))
      for code in Set(endpoint.problems.map(\.status.code)).subtracting(answered).sorted() {
        json.key(String(code))
        write(endpoint.problems.filter { $0.status.code == code }, to: &json)
      }
    }
  }

  private func write(_ answer: AnswerDeclaration, to json: inout JSONWriter) {
    json.object { json in
      json.member("description", answer.prose.isEmpty ? "\(answer.status.reasonPhrase)" : answer.prose)
      if !answer.fields.isEmpty {
        json.key("headers")
        json.object { json in
          for field in answer.fields { writeHeader(field.name, field.schema, field.prose, to: &json) }
        }
      }
      if answer.contents.isEmpty { return }
      json.key("content")
      json.object { json in
        for content in answer.contents { writeContent(content.type, content.schema, content.example, to: &json) }
      }
    }
  }

  /// Writes the problems with one status.
  private func write(_ problems: [Problem.Kind], to json: inout JSONWriter) {
    json.object { json in
      let lines = problems.map { "`\($0.slug)`: \($0.message)" }
      json.member("description", lines.joined(separator: "\n\n"))
      let status = problems[0].status
      if status == .tooManyRequests || status == .serviceUnavailable {
        json.key("headers")
        json.object { json in
          writeHeader("Retry-After", .integer, "Seconds after which to try again.", to: &json)
        }
      } else if status == .unauthorized {
        json.key("headers")
        json.object { json in writeHeader("WWW-Authenticate", .string, "The challenge.", to: &json) }
      }
      json.key("content")
      json.object { json in
        json.key(MediaType.json.description)
        json.object { json in
          json.key("schema")
          OpenAPIDocument.problemSchema.write(to: &json)
          json.key("examples")
          json.object { json in
            for problem in problems {
              json.key(problem.slug)
              json.object { json in json.member("$ref", "#/components/examples/\(problem.slug)") }
            }
          }
        }
      }
    }
  }

  private func writeHeader(_ name: String, _ schema: Schema, _ prose: String, to json: inout JSONWriter) {
    json.key(name)
    json.object { json in
      json.member("description", prose)
      json.key("schema")
      schema.write(to: &json)
    }
  }
}
