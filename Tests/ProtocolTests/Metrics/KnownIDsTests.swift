import Testing

@testable import Protocol

@Suite struct KnownIDsTests {
  @Test func `a set of known ids behaves as Set does`() {
    for seed in SeededGenerator.fuzzSeeds("IDSet") {
      var generator = SeededGenerator(seed: seed)
      var set = IDSet()
      var model: Set<UInt64> = []
      for step in 0..<20_000 {
        // There are few values, so that removals find some; and some values have equal low or high bits.
        let value = UInt64.random(in: 0..<400, using: &generator) << UInt64(step % 3 * 20)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0, 1:
          let isNew = set.insert(value)
          #expect(isNew == model.insert(value).inserted, "seed \(seed), step \(step)")
        case 2, 3:
          set.remove(value)
          model.remove(value)
        default:
          let isThere = set.contains(value)
          #expect(isThere == model.contains(value), "seed \(seed), step \(step)")
        }
        let count = set.count
        #expect(count == model.count)
      }
      var found = 0
      for value in model where set.contains(value) { found += 1 }
      #expect(found == model.count, "seed \(seed)")
      set.removeAll(keepingCapacityFor: 10)
      let (count, allocated) = (set.count, set.allocatedBytes)
      #expect(count == 0 && allocated == 0)
      for value in model where set.contains(value) { Issue.record("\(value) survived") }
    }
  }

  @Test func `a full set stays within its capacity and forgets the oldest id`() {
    var known = KnownIDs(capacity: 100)
    for id in 0..<1000 as Range<UInt64> {
      known.insert(id)
      let (count, isThere) = (known.count, known.contains(id))
      #expect(count <= 100 && isThere)
    }
    let (isThere, allocated) = (known.contains(0), known.allocatedBytes)
    #expect(!isThere)
    #expect(allocated <= 100 * 48)
  }

  @Test func `an id that is looked up stays`() {
    var known = KnownIDs(capacity: 100)
    known.insert(1)
    for id in 1000..<3000 as Range<UInt64> {
      known.insert(id)
      let isThere = known.contains(1)
      #expect(isThere)
    }
  }

  @Test func `a set forgets all ids on demand`() {
    var known = KnownIDs(capacity: 10)
    for id in 0..<10 as Range<UInt64> { known.insert(id) }
    known.removeAll()
    let (count, isThere) = (known.count, known.contains(3))
    #expect(count == 0 && !isThere)
  }
}
