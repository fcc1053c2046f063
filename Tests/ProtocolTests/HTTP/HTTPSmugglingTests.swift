import FuzzTargets
import Protocol
import Testing

struct HTTPSmugglingTests {
  @Test(arguments: SmugglingTable.rows)
  func `an ambiguous message is refused`(row: SmugglingTable.Row) {
    var conversation = ServerConversation()
    conversation.receive(row.message)
    #expect(conversation.seen.rejection?.reason == row.reason)
    #expect(conversation.seen.rejection?.status.code == row.status)
    #expect(!conversation.seen.contains(.end))
    #expect(conversation.machine.isClosed && conversation.machine.allocatedBytes == 0)
  }
}
