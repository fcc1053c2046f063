/// What happens if an enrolled host registers again.
enum Reenrolment: String, CaseIterable, Sendable {
  /// The registration is refused until a person permits it.
  case permit
  /// The host gets a new identity for its server. The old one ends when the new one first pushes.
  case replace
  /// The host becomes another collector with a server of its own.
  case new
}

extension Settings {
  /// The setting's values are the names of the cases.
  var reenrolmentMode: Reenrolment { Reenrolment(rawValue: reenrolment) ?? .permit }
}
