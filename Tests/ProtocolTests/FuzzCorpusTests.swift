// Runs the fuzz targets in each test run: on their corpora, and on mutations that a printed seed reproduces.

import FuzzTargets
import Glibc
import Testing

@Suite struct FuzzCorpusTests {
  private static let folder =
    "/" + "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/") + "/Fuzz/Corpus/"

  /// The target's seed inputs, and inputs that once broke a reader.
  private static func corpus(_ target: FuzzTarget) throws -> [[UInt8]] {
    let path = folder + target.rawValue
    let directory = try #require(opendir(path), "\(path)")
    defer { closedir(directory) }
    var inputs: [[UInt8]] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        // Safety: d_name is an array of bytes that ends with a NUL.
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let file = try #require(fopen(path + "/" + name, "r"), "\(name)")
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 64 * 1024)
      let count = fread(&bytes, 1, bytes.count, file)
      #expect(count < bytes.count, "\(name) is too large for a seed")
      inputs.append(Array(bytes[..<count]))
    }
    return inputs
  }

  @Test(arguments: FuzzTarget.allCases)
  func `a fuzz target survives its corpus`(target: FuzzTarget) throws {
    let inputs = try Self.corpus(target)
    #expect(inputs.count >= 3)
    for input in inputs { target.run(input) }
    target.run([])
  }

  @Test(arguments: FuzzTarget.allCases)
  func `a fuzz target survives mutations of its corpus`(target: FuzzTarget) throws {
    let inputs = try Self.corpus(target)
    for seed in SeededGenerator.fuzzSeeds("FuzzCorpus") {
      var generator = SeededGenerator(seed: seed)
      for _ in 0..<300 {
        let input = inputs.randomElement(using: &generator) ?? []
        // Long inputs cost the most and find the least.
        target.run(generator.mutate(Array(input.prefix(2000))))
      }
    }
  }
}
