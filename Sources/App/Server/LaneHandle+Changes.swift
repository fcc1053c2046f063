// Passes changes of collectors, certificates and keys to the gatekeepers of the lanes.

import Protocol

extension LaneHandle: CollectorCopy {
  func replaceCollectors(_ records: [UUID: CollectorRecord]) { submit { $0.gatekeeper.replaceCollectors(records) } }
  func setCollectors(_ changes: [UUID: CollectorRecord?]) { submit { $0.gatekeeper.setCollectors(changes) } }
}

extension LaneRoster: KeyHolder {
  func take(tls context: TLSContext) { for lane in all { lane.submit { $0.gatekeeper.replace(tls: context) } } }
  func take(tokens: Tokens) { for lane in all { lane.submit { $0.gatekeeper.replace(tokens: tokens) } } }
}
