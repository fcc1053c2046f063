internal import Protocol

extension HTTPRequestTemplate {
  /// A request that this program makes of checked options and a server's answers. One that breaks HTTP stops the program.
  init(own method: HTTPMethod, target: String, authority: String, fields: [HTTPField]) {
    do {
      try self.init(method, target: target, authority: authority, fields: fields)
    } catch {
      preconditionFailure("the program's own request is malformed: \(error)")
    }
  }
}
