import Protocol

/// The evaluation of some servers at one time, until it is written.
struct EvaluationBatch: Sendable {
  enum Run: Sendable {
    case succeeded(seconds: Double)
    case failed(String)
  }

  let at: Timestamp
  /// The open findings by check.
  var open: [String: Set<FindingKey>] = [:]
  var evaluations: [(Check, FindingMachine.Evaluation)] = []
  /// How each check ran.
  var runs: [String: Run] = [:]
  /// The checks that had no data, of each server that is recorded as evaluated.
  var withoutData: [Int32: Set<String>] = [:]

  init(at: Timestamp) { self.at = at }

  /// The document that `FindingStatements.evaluated` takes.
  var withoutDataDocument: JSONText {
    JSONText { json in
      json.object { json in
        for (server, names) in withoutData where !names.isEmpty {
          json.key("\(server)")
          json.array { json in for name in names.sorted() { json.value(name) } }
        }
      }
    }
  }

  /// The document that `FindingStatements.ran` takes.
  var runsDocument: JSONText {
    JSONText { json in
      json.array { json in
        for (name, run) in runs.sorted(by: { $0.key < $1.key }) {
          json.object { json in
            json.member("check_name", name)
            switch run {
            case .succeeded(let seconds): json.member("seconds", seconds)
            case .failed(let failure): json.member("failure", failure)
            }
          }
        }
      }
    }
  }
}

extension JSONText {
  /// - Parameter write: writes one value.
  init(_ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    write(&json)
    self.init(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
  }
}
