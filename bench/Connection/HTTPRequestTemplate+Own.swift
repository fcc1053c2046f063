internal import Protocol

extension HTTPRequestTemplate {
  /// Makes a request from checked options and from answers of the server. A request that violates HTTP ends the
  /// program.
  init(own method: HTTPMethod, target: String, authority: String, fields: [HTTPField]) {
    do {
      try self.init(method, target: target, authority: authority, fields: fields)
    } catch {
      preconditionFailure("the program's own request is malformed: \(error)")
    }
  }
}
