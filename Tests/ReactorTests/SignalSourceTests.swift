import Glibc
import Testing

@testable import Reactor

@Suite struct SignalSourceTests {
  @Test func `a blocked signal arrives as an event, and none after close`() throws {
    final class Received: SignalHandler {
      let journal: Journal
      init(_ journal: Journal) { self.journal = journal }
      func received(signal: CInt) { journal.note("\(signal)") }
    }
    let journal = Journal()
    // The test uses a thread of its own, so that the signal mask of other tests' threads does not change.
    let thread = try SystemThread(name: "signalled") {
      do {
        SignalSource.block([SIGUSR1, SIGUSR2])
        let loop = try EventLoop()
        let source = try SignalSource(loop: loop, signals: [SIGUSR1, SIGUSR2], handler: Received(journal))
        pthread_kill(pthread_self(), SIGUSR2)
        pthread_kill(pthread_self(), SIGUSR1)
        pthread_kill(pthread_self(), SIGUSR1)
        loop.turn(waitingAtMost: .seconds(10))
        source.close()
        pthread_kill(pthread_self(), SIGUSR1)
        loop.turn(waitingAtMost: .zero)
        journal.note("registered \(loop.registrationCount)")
        loop.end()
      } catch {
        journal.note("\(error)")
      }
    }
    thread.join()
    #expect(journal.entries == ["\(SIGUSR1)", "\(SIGUSR2)", "registered 0"])
  }
}
