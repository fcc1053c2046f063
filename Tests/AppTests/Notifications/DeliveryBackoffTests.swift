import Testing

@testable import App

@Suite struct DeliveryBackoffTests {
  private let backoff = DeliveryBackoff(first: .seconds(5), longest: .seconds(600))

  private func pause(
    _ attempts: Int, wait: Duration? = nil, isRefused: Bool = false, fraction: Double = 0
  ) -> Duration {
    backoff.pause(after: attempts, wait: wait, isRefused: isRefused, fraction: fraction)
  }

  @Test func `pauses double up to the longest`() {
    let seconds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000].map { pause($0) / .seconds(1) }
    #expect(seconds == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
  }

  @Test func `a random part shortens a pause by up to a quarter`() {
    #expect(pause(3, fraction: 0.5) == .milliseconds(17_500))
    #expect(pause(3, fraction: 0.999_999) >= .seconds(15))
  }

  @Test func `the target may ask for a longer pause, within the longest`() {
    #expect(pause(1, wait: .seconds(30)) == .seconds(30))
    #expect(pause(1, wait: .seconds(1)) == .seconds(5))
    #expect(pause(1, wait: .seconds(86_400)) == .seconds(600))
  }

  @Test func `a refusal waits for the longest pause at once`() { #expect(pause(1, isRefused: true) == .seconds(600)) }
}
