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

  private func push(_ id: UInt64, of server: Int32 = 0, deadline: UInt64 = 1000) -> Push {
    let push = Push(catalog: catalog)
    push.serverID = server
    push.id = UUID(high: 0, low: id)
    push.deadline = MonotonicTime(nanoseconds: deadline)
    return push
  }

  @Test func `a batch takes all queued pushes, up to the cap on pushes`() {
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

  @Test func `only pushes past their deadline expire`() {
    var batcher = batcher()
    batcher.append(push(1, deadline: 10))
    batcher.append(push(2, deadline: 11))
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 9)).isEmpty)
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 10)).map(\.id.low) == [1])
    #expect(batcher.count == 1)
  }

  /// A push with `rows` rows.
  private func filled(_ id: UInt64, of server: Int32, rows: Int) throws -> Push {
    let push = push(id, of: server)
    var decoder = PushDecoder(catalog: catalog)
    var known = KnownIDs(capacity: 1024)
    decoder.begin(serverID: server, timeWindow: 0...4_000_000_000_000_000)
    let row = { (number: Int) in
      #"{"device":"/dev/vd\#(number)","free_gb":1,"mount":"","percent_used":8.5,"total_gb":2,"used_gb":1}"#
    }
    let json =
      #"{"collector_id":"c","metrics":[{"filesystems":["# + (0..<rows).map(row).joined(separator: ",")
      + #"],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}]}"#
    let body = Array(json.utf8)
    _ = try decoder.consume(body.span, isLast: true, rows: &push.rows, known: &known)
    #expect(decoder.summary.rows == rows)
    return push
  }

  @Test func `a turn is a share of a batch, and a collector keeps the unused part of its turn`() throws {
    let large = try filled(1, of: 1, rows: 10)
    // A batch has room for four large pushes, and a turn is worth four tenths of a large push.
    var batcher = batcher(bytes: large.encodedBytes * 4, pushes: 10)
    for id in 1...9 { batcher.append(try filled(UInt64(id), of: 1, rows: 10)) }
    for id in 41...49 { batcher.append(push(UInt64(id), of: 2)) }
    batcher.append(push(50, of: 3))
    // The credit of collector 1 after its turns, in large pushes: 0.4, 0.8, 1.2 (1 goes), 0.6, 1.0 (2 goes), 0.4, 0.8,
    // 1.2 (3 goes) ...
    #expect(batcher.takeBatch().map(\.id.low) == [41, 50, 42, 1, 43, 44, 2, 45, 46, 47])
    #expect(batcher.takeBatch().map(\.id.low) == [3, 48, 49, 4, 5, 6])
    #expect(batcher.takeBatch().map(\.id.low) == [7, 8, 9])
  }

  @Test func `a quiet collector's push is soon in a batch, whatever other collectors send`() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20 {
      var batcher = batcher(rows: 1000, bytes: 1 << 20, pushes: 8)
      for id in 1...UInt64.random(in: 50...200, using: &generator) {
        batcher.append(push(id, of: Int32(id % 3)))
      }
      _ = batcher.takeBatch()
      batcher.append(push(1000, of: 77))
      var batches = 0
      var isFound = false
      while !isFound, batches < 20 {
        isFound = batcher.takeBatch().contains { $0.id.low == 1000 }
        batches += 1
      }
      #expect(isFound)
    }
  }

  @Test func `no push is lost, doubled or overtaken by a later push of its collector`() throws {
    for seed in 0..<30 {
      var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
      func random(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
      }
      var batcher = batcher(rows: 50, bytes: 20_000, pushes: 4)
      var nextID: UInt64 = 1
      var waiting: Set<UInt64> = []
      var last: [Int32: UInt64] = [:]
      for _ in 0..<300 {
        if random(3) > 0 {
          let push = try filled(nextID, of: Int32(random(5)), rows: Int(random(12)))
          batcher.append(push)
          waiting.insert(nextID)
          nextID += 1
        } else {
          let taken = batcher.takeBatch()
          #expect(taken.count <= 4 && (taken.isEmpty == waiting.isEmpty))
          if random(4) == 0 {
            batcher.putBack(taken)
            continue
          }
          for push in taken {
            #expect(waiting.remove(push.id.low) != nil, "seed \(seed)")
            #expect(last[push.serverID] ?? 0 < push.id.low, "seed \(seed)")
            last[push.serverID] = push.id.low
          }
        }
        #expect(batcher.count == waiting.count)
      }
      while case let taken = batcher.takeBatch(), !taken.isEmpty { for push in taken { waiting.remove(push.id.low) } }
      #expect(waiting.isEmpty && batcher.isEmpty && batcher.queuedBytes == 0)
    }
  }

  @Test func `expired pushes leave the queues of the other pushes as they are`() {
    var batcher = batcher()
    for id in 1...6 { batcher.append(push(UInt64(id), of: Int32(id % 2), deadline: UInt64(10 + id))) }
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 13)).map(\.id.low).sorted() == [1, 2, 3])
    #expect(batcher.count == 3)
    #expect(Set(batcher.takeBatch().map(\.id.low)) == [4, 5, 6])
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 1000)).isEmpty)
  }

  @Test func `a batch names each id once in sorted order and keeps repeats apart`() {
    let pushes = [push(7, of: 1), push(3, of: 2), push(7, of: 1)]
    let batch = Batch(pushes, targets: CopyTargets(catalog))
    #expect(batch.pushes.map(\.id.low) == [3, 7])
    #expect(batch.repeats.map(\.id.low) == [7])
    #expect(batch.message.contains("00000000-0000-0000-0000-000000000003"))
    #expect(batch.message.hasPrefix("EXECUTE push_locks('{1,2}');"))
    #expect(batch.ledgerAnswers == [.locks, .careful])
    #expect(batch.steps.isEmpty)
  }

  @Test func `a batch has the first of pushes with one beginning or one key, and later batches the others`() {
    let pushes = [push(7, of: 1), push(3, of: 1), push(7, of: 1), push(3, of: 1), push(9, of: 2)]
    // These pushes have no metric, hence one beginning. The repeat of a push that waits for a later batch waits, too.
    pushes[2].key = UUID(high: 1, low: 1)
    let batch = Batch(pushes, targets: CopyTargets(catalog))
    #expect(batch.pushes.map(\.id.low) == [7, 9] && batch.repeats.isEmpty)
    #expect(batch.later.map(ObjectIdentifier.init) == pushes[1...3].map(ObjectIdentifier.init))
  }

  @Test func `a push that is set aside waits outside all batches until its time, and may expire`() {
    var batcher = batcher()
    batcher.append(push(1, of: 1))
    batcher.setAside(push(2, of: 1), until: MonotonicTime(nanoseconds: 50))
    batcher.setAside(push(3, of: 2, deadline: 40), until: MonotonicTime(nanoseconds: 60))
    #expect(batcher.count == 3 && batcher.nextReturn == MonotonicTime(nanoseconds: 50))
    #expect(batcher.takeBatch().map(\.id.low) == [1])
    #expect(!batcher.hasReady && !batcher.isEmpty && batcher.takeBatch().isEmpty)
    #expect(batcher.takeExpired(at: MonotonicTime(nanoseconds: 40)).map(\.id.low) == [3])
    batcher.returnAside(at: MonotonicTime(nanoseconds: 49))
    #expect(!batcher.hasReady)
    batcher.append(push(4, of: 1))
    batcher.returnAside(at: MonotonicTime(nanoseconds: 50))
    #expect(batcher.takeBatch().map(\.id.low) == [2, 4])
    #expect(batcher.isEmpty && batcher.nextReturn == nil && batcher.queuedBytes == 0)
  }
}
