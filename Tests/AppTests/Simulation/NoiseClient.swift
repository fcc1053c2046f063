// A client that sends nonsense: requests of a collector with lost, doubled or changed bytes.

@testable import App

final class NoiseClient: WireClient {
  private unowned let simulation: Simulation
  private let source: SimulatedClient
  private var wires: [Wire] = []

  init(_ simulation: Simulation) {
    self.simulation = simulation
    source = SimulatedClient(simulation, collector: PushStock.collectors - 1)
    source.renewToken()
  }

  /// Opens a connection and sends broken requests on it.
  func shout() {
    let wire = Wire(simulation, collector: PushStock.collectors - 1, readingDelay: .zero)
    wire.client = self
    wires.append(wire)
    simulation.open(wire)
    for errand in source.errands {
      var bytes = source.head(errand, isChunked: false, expects: false, isLast: false) + errand.body
      for _ in 0..<simulation.draw(4) where !bytes.isEmpty {
        let start = simulation.draw(bytes.count)
        let piece = bytes[start..<min(bytes.count, start + 1 + simulation.draw(60))]
        switch simulation.draw(3) {
        case 0: bytes.insert(contentsOf: piece, at: start)
        case 1: bytes.removeSubrange(piece.indices)
        default: bytes[start] = UInt8(simulation.draw(256))
        }
      }
      wire.send(bytes, after: simulation.pause)
    }
    simulation.kernel.after(.milliseconds(simulation.draw(20_000))) { wire.reset() }
  }

  func received(_ bytes: [UInt8]) {}
  func ended(isReset: Bool) {}
}
