extension Fault {
  /// Judges the answer to the request in which the fault was, or which told what came of it.
  /// - Parameters: `isDuplicate`: what the answer says, if it is a push's; `slug`: what a refusal calls itself.
  func verdict(status: UInt16, isDuplicate: Bool, slug: String) -> FaultVerdict {
    let isAccepted = status == 200 || status == 201
    let told = isAccepted ? "\(status)\(isDuplicate ? " duplicate" : "")" : "\(status) \(slug)"
    let isRight =
      switch self {
      case .slowBody, .reset: isAccepted && !isDuplicate
      case .duplicate: isAccepted && isDuplicate
      case .brokenJSON: status == 400 || status == 422
      case .wrongCertificate: status == 401 || status == 403
      }
    return isRight ? .right : .wrong(told)
  }
}
