import Ground
import Testing

@testable import Bench

struct CollectorMachineTests {
  private func machine() -> CollectorMachine {
    CollectorMachine(backOff: BackOff(limits: BackOff.Limits(first: .seconds(1), longest: .seconds(8)), seed: 1))
  }

  private func connectedMachine() -> CollectorMachine {
    var machine = machine()
    #expect(machine.begin() == .connect(after: .zero))
    #expect(machine.connected() == .none)
    return machine
  }

  @Test func `a push is made once and repeated until it is settled`() {
    var machine = connectedMachine()
    #expect(machine.pushDue() == .sendPush(isResend: false))
    guard case .connect(let pause) = machine.connectionLost() else { return #expect(Bool(false)) }
    #expect(pause >= .milliseconds(500) && pause <= .seconds(1))
    #expect(machine.connected() == .sendPush(isResend: true))
    #expect(machine.pushDeferred(retryAfter: .seconds(3), keepsConnection: true) == .wait(.seconds(3)))
    #expect(machine.retryDue() == .sendPush(isResend: true))
    #expect(machine.pushSettled(keepsConnection: true) == .none)
    #expect(machine.pushDue() == .sendPush(isResend: false))
  }

  @Test func `a collector waits out Retry-After although the connection is lost meanwhile`() {
    var machine = connectedMachine()
    _ = machine.pushDue()
    #expect(machine.pushDeferred(retryAfter: .seconds(3), keepsConnection: true) == .wait(.seconds(3)))
    #expect(machine.connectionLost() == .none)
    #expect(machine.retryDue() == .connect(after: .zero))
    #expect(machine.connected() == .sendPush(isResend: true))
  }

  @Test func `a second 401 on one push makes it wait instead of asking for more tokens`() {
    var machine = connectedMachine()
    _ = machine.pushDue()
    #expect(machine.pushUnauthorized(keepsConnection: true) == .refreshToken)
    #expect(machine.tokenRefreshed(keepsConnection: true) == .sendPush(isResend: true))
    guard case .wait = machine.pushUnauthorized(keepsConnection: true) else { return #expect(Bool(false)) }
    #expect(machine.retryDue() == .refreshToken)
  }

  @Test func `a token that ages while a push is under way is refreshed before the next push`() {
    var machine = connectedMachine()
    _ = machine.pushDue()
    #expect(machine.tokenAged() == .none)
    #expect(machine.pushSettled(keepsConnection: true) == .refreshToken)
    #expect(machine.pushDue() == .none)
    #expect(machine.tokenRefreshed(keepsConnection: true) == .sendPush(isResend: false))
  }

  @Test func `the end of the run waits for the push that is under way`() {
    var machine = connectedMachine()
    _ = machine.pushDue()
    #expect(machine.runEnded() == .none)
    _ = machine.connectionLost()
    #expect(machine.connected() == .sendPush(isResend: true))
    #expect(machine.pushSettled(keepsConnection: false) == .finish)
    let isFinished = machine.isFinished
    #expect(isFinished)
  }

  @Test func `back-off doubles up to its limit, with jitter in the upper half`() {
    var backOff = BackOff(limits: BackOff.Limits(first: .seconds(1), longest: .seconds(8)), seed: 3)
    for whole in [1, 2, 4, 8, 8, 8] {
      let pause = backOff.next()
      #expect(pause >= .milliseconds(whole * 500) && pause <= .seconds(whole))
    }
    backOff.reset()
    #expect(backOff.next() <= .seconds(1))
  }

  /// Plays a random server and network against the machine. The machine must neither forget a push nor make one too
  /// many.
  @Test(arguments: [UInt64(1), UInt64.random(in: .min ... .max)])
  func `under random events a push is sent until it is settled, and not afterwards`(seed: UInt64) {
    print("CollectorMachine: fuzz seed \(seed)")
    var random = QuickRandom(seed: seed)
    for _ in 0..<200 {
      var machine = machine()
      var action = machine.begin()
      var isConnected = false
      var isSent = false
      var ended = false
      for step in 0..<200 where !machine.isFinished {
        if step == 150 {
          ended = true
          if apply(machine.runEnded(), &action) { continue }
        }
        let keeps = Bool.random(using: &random)
        let roll = Int.random(in: 0..<6, using: &random)
        switch action {
        case .connect:
          isConnected = roll > 0
          action = isConnected ? machine.connected() : machine.connectionLost()
        case .sendPush(let isResend):
          #expect(isResend == isSent && isConnected, "seed \(seed)")
          isSent = true
          switch roll {
          case 0:
            isConnected = false
            action = machine.connectionLost()
          case 1: (action, isConnected) = (machine.pushDeferred(retryAfter: nil, keepsConnection: keeps), keeps)
          case 2: (action, isConnected) = (machine.pushUnauthorized(keepsConnection: keeps), keeps)
          default:
            (action, isConnected, isSent) = (machine.pushSettled(keepsConnection: keeps), keeps, false)
          }
        case .refreshToken:
          #expect(isConnected, "seed \(seed)")
          switch roll {
          case 0:
            isConnected = false
            action = machine.connectionLost()
          case 1: (action, isConnected) = (machine.refreshRefused(retryAfter: nil, keepsConnection: keeps), keeps)
          default: (action, isConnected) = (machine.tokenRefreshed(keepsConnection: keeps), keeps)
          }
        case .wait:
          if roll == 0, isConnected {
            isConnected = false
            #expect(machine.connectionLost() == .none)
          }
          action = machine.retryDue()
        case .none:
          if roll == 0 {
            isConnected = false
            action = machine.connectionLost()
          } else if roll == 1 {
            action = machine.tokenAged()
          } else if !ended {
            action = machine.pushDue()
            #expect(action == .sendPush(isResend: false), "seed \(seed): the machine is idle and makes no push")
          }
        case .finish: break
        }
        let hasPush = machine.hasPush
        #expect(!isSent || hasPush, "seed \(seed): a push was forgotten")
      }
      if machine.isFinished { #expect(!isSent, "seed \(seed): finished with a push in hand") }
    }
  }

  /// - Returns: whether there is an action to carry out now.
  private func apply(_ next: CollectorMachine.Action, _ action: inout CollectorMachine.Action) -> Bool {
    if next == .none { return false }
    action = next
    return true
  }
}
