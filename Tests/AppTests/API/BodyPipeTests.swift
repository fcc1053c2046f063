import Protocol
import Synchronization
import Testing

@testable import App

@Suite struct BodyPipeTests {
  private final class Count: Sendable {
    private let value = Mutex(0)
    func add() { value.withLock { $0 += 1 } }
    var total: Int { value.withLock { $0 } }
  }

  private func taken(_ pipe: BodyPipe) -> String {
    switch pipe.take() {
    case .part(let part): String(decoding: part, as: UTF8.self)
    case .end(let trailers): "end\(trailers.map(\.value))"
    case .broken: "broken"
    case .nothing: "nothing"
    }
  }

  @Test func `the consumer takes parts in order, then the end with its trailers`() {
    let pipe = BodyPipe(capacity: 100)
    #expect(pipe.write([0x61]) && pipe.write([0x62]))
    pipe.finish(trailers: [HTTPField("X", "1")])
    #expect((0..<4).map { _ in taken(pipe) } == ["a", "b", "end[\"1\"]", "end[\"1\"]"])
  }

  @Test func `a full pipe stops the producer and calls it once half is free`() {
    let pipe = BodyPipe(capacity: 4)
    let room = Count()
    pipe.produce(onRoom: { room.add() }, onCancel: {})
    #expect(pipe.write([1, 2, 3]))
    #expect(!pipe.write([4]), "the pipe is exactly full")
    #expect(pipe.heldBytes == 4)
    _ = pipe.take()
    #expect(room.total == 1)
    _ = pipe.take()
    #expect(room.total == 1, "the producer is called once")
    #expect(pipe.write([5]))
  }

  @Test func `a pipe wakes the waiting connection once when it has something again`() {
    let pipe = BodyPipe(capacity: 100)
    let woken = Count()
    pipe.consume { woken.add() }
    _ = pipe.write([1])
    #expect(woken.total == 0, "the connection does not wait yet")
    #expect(taken(pipe) != "nothing")
    #expect(taken(pipe) == "nothing")
    _ = pipe.write([1])
    _ = pipe.write([1])
    #expect(woken.total == 1)
    while taken(pipe) != "nothing" {}
    pipe.fail()
    #expect(woken.total == 2)
    #expect(taken(pipe) == "broken")
  }

  @Test func `a cancelled pipe calls its producers, later ones too, and holds no bytes`() {
    let pipe = BodyPipe(capacity: 2)
    let gone = Count()
    pipe.produce(onRoom: {}, onCancel: { gone.add() })
    #expect(!pipe.write([1, 2, 3]))
    pipe.cancel()
    #expect(gone.total == 1 && pipe.heldBytes == 0 && pipe.isCancelled)
    #expect(pipe.write([4]), "the pipe drops the bytes")
    #expect(pipe.heldBytes == 0)
    pipe.cancel()
    #expect(gone.total == 1)
    pipe.produce(onRoom: {}, onCancel: { gone.add() })
    #expect(gone.total == 2)
  }

  @Test func `a producer that has finished is not called`() {
    let pipe = BodyPipe(capacity: 1)
    let called = Count()
    pipe.produce(onRoom: { called.add() }, onCancel: { called.add() })
    #expect(!pipe.write([1]))
    pipe.finish()
    _ = pipe.take()
    pipe.cancel()
    #expect(called.total == 0)
  }

  @Test func `a departure calls each listener once, and a later listener at once`() {
    let heard = Count()
    let departure = Departure()
    #expect(!departure.isAwaited)
    departure.onDeparture { heard.add() }
    #expect(departure.isAwaited)
    departure.happened()
    departure.happened()
    #expect(heard.total == 1)
    departure.onDeparture { heard.add() }
    #expect(heard.total == 2)
  }
}
