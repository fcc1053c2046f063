// How what changes beside the lanes reaches them: each by its own door.

import Protocol

extension LaneHandle: CollectorCopy {
  func replaceCollectors(_ records: [UUID: CollectorRecord]) { submit { $0.gatekeeper.replaceCollectors(records) } }
  func setCollectors(_ changes: [UUID: CollectorRecord?]) { submit { $0.gatekeeper.setCollectors(changes) } }
}

extension LaneRoster: KeyHolder {
  func take(tls context: TLSContext) { for lane in all { lane.submit { $0.gatekeeper.replace(tls: context) } } }
  func take(tokens: Tokens) { for lane in all { lane.submit { $0.gatekeeper.replace(tokens: tokens) } } }
}
