import Protocol
import Reactor
import Testing

@testable import App

@Suite struct BatcherTests {
  private let catalog = CompiledCatalog()

  private func batcher(rows: Int = 100, bytes: Int = 1 << 20, pushes: Int = 10) -> Batcher {
    var settings = Settings()
    settings.batchRows = rows
    settings.batchBytes = bytes
    settings.batchPushes = pushes
    return Batcher(settings: settings)
  }

  private func push(_ id: UInt64, deadline: UInt64 = 1000) -> Push {
    let push = Push(catalog: catalog)
    push.id = UUID(high: 0, low: id)
    push.deadline = MonotonicTime(nanoseconds: deadline)
    return push
  }

  @Test func `an idle writer takes all that is queued, up to the cap on pushes`() {
    var batcher = batcher(pushes: 3)
    for id in 1...5 { batcher.append(push(UInt64(id))) }
    #expect(batcher.takeBatch().map(\.id.low) == [1, 2, 3])
    #expect(batcher.takeBatch().map(\.id.low) == [4, 5])
    #expect(batcher.takeBatch().isEmpty)
    #expect(batcher.isEmpty)
  }

  @Test func `a batch that was not stored goes back to the front in its order`() {
    var batcher = batcher(pushes: 2)
    for id in 1...4 { batcher.append(push(UInt64(id))) }
    let taken = batcher.takeBatch()
    batcher.putBack(taken)
    #expect(batcher.takeBatch().map(\.id.low) == [1, 2])
    #expect(batcher.takeBatch().map(\.id.low) == [3, 4])
  }

  @Test func `a push under suspicion travels alone`() {
    var batcher = batcher()
    for id in 1...3 { batcher.append(push(UInt64(id))) }
    let suspects = batcher.takeBatch()
    suspects[1].mustTravelAlone = true
    batcher.putBack(suspects)
    #expect(batcher.takeBatch().map(\.id.low) == [1])
    #expect(batcher.takeBatch().map(\.id.low) == [2])
    #expect(batcher.takeBatch().map(\.id.low) == [3])
  }

  @Test func `only pushes past their deadline expire`() {
    var batcher = batcher()
    batcher.append(push(1, deadline: 10))
    batcher.append(push(2, deadline: 11))
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 9)).isEmpty)
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 10)).map(\.id.low) == [1])
    #expect(batcher.count == 1)
  }

  @Test func `a batch names each id once, sorted, and keeps repeats aside`() {
    let pushes = [push(7), push(3), push(7)]
    let batch = Batch(pushes, targets: CopyTargets(catalog))
    #expect(batch.pushes.map(\.id.low) == [3, 7])
    #expect(batch.repeats.map(\.id.low) == [7])
    #expect(batch.message.contains("00000000-0000-0000-0000-000000000003"))
    #expect(batch.message.hasSuffix(" ON CONFLICT DO NOTHING RETURNING push_id;"))
    #expect(batch.steps.isEmpty)
  }
}
