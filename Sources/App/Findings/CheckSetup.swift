import Ground
import Protocol

/// The checks of a round: those that are on, with their thresholds.
struct CheckSetup: Sendable {
  struct Active: Sendable {
    let check: Check
    let thresholds: [Double]
    /// The last successful evaluation of any server.
    let evaluatedAt: Timestamp?

    /// Whether a check by the clock is due.
    func isDue(_ at: Timestamp) -> Bool {
      guard let every = check.every, let evaluatedAt else { return true }
      // A clock that was set back makes the last evaluation one of the future.
      let passed = at.unixMicroseconds - evaluatedAt.unixMicroseconds
      return passed < 0 || passed >= every.wholeNanoseconds / 1000
    }

    /// Whether a check by push is due for a server. Time is divided into stretches of `every`, and the check is due at
    /// the first push of each. The stretches of different servers begin at different times, which spreads the work.
    /// - Parameter last: the server's last evaluation.
    func isDue(_ at: Timestamp, server: Int32, after last: Timestamp?) -> Bool {
      guard let every = check.every, let last else { return true }
      let width = max(every.wholeNanoseconds / 1000, 1)
      let offset = Int64(UInt32(bitPattern: server) &* 2_654_435_761) &* 1000 % width
      return (at.unixMicroseconds + offset) / width != (last.unixMicroseconds + offset) / width
    }
  }

  let active: [Active]

  init(_ checks: [Check], _ settings: [CheckSetting]) {
    let settings = Dictionary(settings.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    active = checks.compactMap { check in
      let setting = settings[check.name]
      guard setting?.isOn != false else { return nil }
      return Active(
        check: check, thresholds: check.values(setting?.thresholds.numbers ?? [:]), evaluatedAt: setting?.evaluatedAt)
    }
  }
}

extension JSONText {
  /// The members of an object that are numbers.
  var numbers: [String: Double] {
    guard case .object(let object) = value else { return [:] }
    var numbers: [String: Double] = [:]
    for member in object.members {
      switch member.value {
      case .integer(let number): numbers[member.name] = Double(number)
      case .double(let number): numbers[member.name] = number
      case .null, .bool, .string, .array, .object: break
      }
    }
    return numbers
  }
}
