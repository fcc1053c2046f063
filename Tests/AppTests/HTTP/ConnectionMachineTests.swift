// Transcripts of events and actions, for each phase and each way to leave it.

import Testing

@testable import App

extension ConnectionMachine {
  /// Reports an event.
  /// - Returns: the actions as a list.
  mutating func tell(_ event: Event) -> [Action] { Array(handle(event)) }
}

/// One event, the actions that the machine returns, and its phase afterwards.
private struct Line {
  let event: ConnectionMachine.Event
  let actions: [ConnectionMachine.Action]
  let phase: ConnectionMachine.Phase

  init(
    _ event: ConnectionMachine.Event, _ actions: [ConnectionMachine.Action], _ phase: ConnectionMachine.Phase
  ) {
    self.event = event
    self.actions = actions
    self.phase = phase
  }
}

@Suite struct ConnectionMachineTests {
  private static let opened: [Line] = [
    Line(.opened, [.arm(.handshake)], .arriving), Line(.tlsBegun, [], .handshaking),
    Line(.established, [.arm(.idle)], .idle),
  ]
  private static let reading = opened + [Line(.admitted(.push), [.invite, .arm(.body)], .reading)]
  private static let gathering = opened + [Line(.admitted(.endpoint), [.invite, .arm(.body)], .gathering)]
  private static let discarding = opened + [Line(.admitted(.refusedWithShortBody), [.arm(.body)], .discarding)]
  private static let lookingUp = opened + [Line(.admitted(.lookUp), [.arm(.answer)], .lookingUp)]
  private static let storing = reading + [Line(.bodyEnded, [.arm(.answer), .store], .answering)]
  private static let performing = gathering + [Line(.bodyEnded, [.arm(.answer), .perform], .answering)]
  private static let streaming =
    performing + [Line(.answerBegun(keepsAlive: true), [], .answering), Line(.streamBegun, [], .streaming)]
  private static let answeredAlive = [
    Line(.answerBegun(keepsAlive: true), [], .answering), Line(.answered, [.arm(.idle)], .idle),
  ]
  /// The events of a refusal after which the connection closes.
  private static let refusedAndClosed = [
    Line(.answerBegun(keepsAlive: false), [], .refusing), Line(.answered, [.close, .arm(.close)], .closing),
  ]
  private static let lingering = [
    Line(.flushed(isHeadBegun: false), [.closeSending, .startReading, .arm(.linger)], .lingering)
  ]

  private func expect(
    _ lines: [Line], awaitsHeader: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var machine = ConnectionMachine(awaitsHeader: awaitsHeader)
    for (number, line) in lines.enumerated() {
      let actions = machine.tell(line.event)
      let phase = machine.phase
      #expect(actions == line.actions, "line \(number): \(line.event)", sourceLocation: sourceLocation)
      #expect(phase == line.phase, "line \(number): \(line.event)", sourceLocation: sourceLocation)
    }
  }

  // MARK: Arrival

  @Test func `a balancer's header comes before the handshake, in time`() {
    expect(
      [
        Line(.opened, [.arm(.head)], .proxied), Line(.headerRead, [.arm(.handshake)], .arriving),
        Line(.tlsBegun, [], .handshaking), Line(.established, [.arm(.idle)], .idle),
      ], awaitsHeader: true)
    expect(
      [
        Line(.opened, [.arm(.head)], .proxied),
        Line(.deadlineReached(isHeadBegun: false), [.reportMissingHeader, .failHandshake, .release], .gone),
      ], awaitsHeader: true)
  }

  @Test func `a client that does not send TLS is closed, with an answer if it can understand it`() {
    let first = [Line(.opened, [.arm(.handshake)], .arriving)]
    expect(first + [Line(.refusedBeforeTLS(isAnswered: false), [.failHandshake, .release], .gone)])
    expect(first + [Line(.refusedBeforeTLS(isAnswered: true), [.close, .arm(.close)], .closing)] + Self.lingering)
  }

  @Test func `a socket that the loop can't register ends at once, and nothing is released twice`() {
    expect([Line(.unwatched, [], .gone), Line(.failed, [], .gone)])
  }

  @Test(arguments: [
    ConnectionMachine.Event.deadlineReached(isHeadBegun: false), .peerClosed(isAnswerWanted: false),
    .drained(isHeadBegun: false), .cutOff, .failed,
  ])
  func `a handshake that is not finished is counted when it ends`(_ event: ConnectionMachine.Event) {
    for count in 1...2 { expect(Array(Self.opened.prefix(count)) + [Line(event, [.failHandshake, .release], .gone)]) }
  }

  // MARK: Requests

  @Test func `a push is read, stored and answered, and the next one may come`() {
    expect(
      Self.reading + [
        Line(.bodyTaken(isChunked: false), [], .reading), Line(.bodyTaken(isChunked: true), [.arm(.body)], .reading),
        Line(.bodyEnded, [.arm(.answer), .store], .answering),
      ] + Self.answeredAlive + [Line(.admitted(.push), [.invite, .arm(.body)], .reading)])
  }

  @Test func `an endpoint is run when its body is complete, or at once`() {
    expect(Self.performing + Self.answeredAlive)
    expect(Self.opened + [Line(.admitted(.endpointAtOnce), [.perform], .answering)] + Self.answeredAlive)
  }

  @Test func `a head's deadline counts from its first byte, and each head has its own`() {
    expect(
      Self.opened + [Line(.headBegun, [.arm(.head)], .idle), Line(.headBegun, [], .idle)]
        + [Line(.admitted(.endpointAtOnce), [.perform], .answering)] + Self.answeredAlive
        + [Line(.headBegun, [.arm(.head)], .idle)])
  }

  @Test func `the desk's decision follows a look-up`() {
    for (admission, actions, phase) in [
      (.push, [.invite, .arm(.body)], .reading), (.endpoint, [.invite, .arm(.body)], .gathering),
      (.endpointAtOnce, [.perform], .answering), (.refusedWithoutBody, [], .discarding),
      (.refusedWithShortBody, [.arm(.body)], .discarding), (.refusedWithLongBody, [.refuse(.decided)], .refusing),
    ] as [(ConnectionMachine.Admission, [ConnectionMachine.Action], ConnectionMachine.Phase)] {
      expect(Self.lookingUp + [Line(.admitted(admission), actions, phase)])
    }
  }

  @Test func `a refusal waits for the end of a short body, and does not wait for a long one`() {
    let alive = [
      Line(.bodyEnded, [.refuse(.decided)], .refusing), Line(.answerBegun(keepsAlive: true), [], .refusing),
      Line(.answered, [.arm(.idle)], .idle),
    ]
    expect(Self.opened + [Line(.admitted(.refusedWithoutBody), [], .discarding)] + alive)
    expect(Self.discarding + alive)
    expect(
      Self.opened + [Line(.admitted(.refusedWithLongBody), [.refuse(.decided)], .refusing)] + Self.refusedAndClosed)
    for body in [Self.reading, Self.gathering] {
      expect(body + [Line(.bodyRefused(isRestShort: true), [], .discarding)] + alive)
      expect(
        body + [Line(.bodyRefused(isRestShort: false), [.refuse(.decided)], .refusing)] + Self.refusedAndClosed)
    }
  }

  @Test func `a request that violates HTTP is refused in each phase`() {
    for before in [Self.opened, Self.reading, Self.gathering, Self.discarding] {
      expect(before + [Line(.requestBroken, [.refuse(.decided)], .refusing)] + Self.refusedAndClosed)
    }
  }

  @Test func `a streamed answer keeps its deadline as long as parts leave`() {
    expect(
      Self.streaming + [Line(.partSent, [.arm(.answer)], .streaming), Line(.answered, [.arm(.idle)], .idle)])
    expect(Self.streaming + [Line(.failed, [.breakStream, .release], .gone)])
    expect(
      Self.streaming + [Line(.deadlineReached(isHeadBegun: false), [.breakStream, .release], .gone)])
  }

  // MARK: Deadlines

  @Test func `a deadline answers a client with a request in work, and closes any other connection`() {
    let deadline = ConnectionMachine.Event.deadlineReached(isHeadBegun: false)
    expect(Self.opened + [Line(deadline, [.close, .arm(.close)], .closing), Line(deadline, [.release], .gone)])
    expect(
      Self.opened + [Line(.deadlineReached(isHeadBegun: true), [.refuse(.headDeadline)], .refusing)]
        + Self.refusedAndClosed)
    for before in [Self.reading, Self.gathering, Self.discarding] {
      expect(before + [Line(deadline, [.refuse(.bodyDeadline)], .refusing)] + Self.refusedAndClosed)
    }
    for before in [Self.lookingUp, Self.storing, Self.performing] {
      expect(
        before + [
          Line(deadline, [.refuse(.answerDeadline), .resume], .refusing),
          Line(.answerBegun(keepsAlive: true), [], .refusing), Line(.answered, [.arm(.idle)], .idle),
        ])
    }
  }

  // MARK: The client goes away

  @Test func `a client that half-closes has the answer that it may still read`() {
    let closed = ConnectionMachine.Event.peerClosed(isAnswerWanted: true)
    for before in [Self.lookingUp, Self.storing, Self.streaming] {
      let phase: ConnectionMachine.Phase =
        before.count == Self.lookingUp.count ? .lookingUp : before.count == Self.storing.count ? .answering : .streaming
      expect(before + [Line(closed, [.stopReading], phase)])
      expect(
        before + [
          Line(
            .peerClosed(isAnswerWanted: false), phase == .streaming ? [.breakStream, .release] : [.release], .gone)
        ])
    }
    expect(Self.opened + [Line(closed, [.stopReading, .close, .arm(.close)], .closing)])
    // The client has closed its half, so the connection does not linger.
    expect(
      Self.storing + [
        Line(closed, [.stopReading], .answering), Line(.answerBegun(keepsAlive: true), [], .answering),
        Line(.answered, [.close, .arm(.close)], .closing), Line(.flushed(isHeadBegun: false), [.release], .gone),
      ])
  }

  @Test func `a client that goes away ends its connection`() {
    for before in [Self.opened, Self.reading, Self.gathering, Self.discarding] {
      expect(before + [Line(.peerClosed(isAnswerWanted: false), [.release], .gone)])
    }
  }

  // MARK: Revocation and shutdown

  @Test func `a revoked collector's arriving request is refused, and its request in work gets no answer`() {
    let own = ConnectionMachine.Event.revoked(isCollectors: true)
    let other = ConnectionMachine.Event.revoked(isCollectors: false)
    for event in [own, other] {
      expect(Self.opened + [Line(event, [.close, .arm(.close)], .closing)])
      expect(Self.reading + [Line(event, [.refuse(.revoked)], .refusing)] + Self.refusedAndClosed)
      expect(Self.discarding + [Line(event, [.refuse(.decided)], .refusing)] + Self.refusedAndClosed)
    }
    expect(Self.gathering + [Line(own, [.refuse(.revoked)], .refusing)] + Self.refusedAndClosed)
    expect(Self.storing + [Line(own, [.close, .arm(.close)], .closing)])
    expect(Self.streaming + [Line(own, [.breakStream, .release], .gone)])
    // A request without the identity of the collector is answered, and is the last one.
    expect(
      Self.performing + [
        Line(other, [], .answering), Line(.answerBegun(keepsAlive: true), [], .answering),
        Line(.answered, [.close, .arm(.close)], .closing),
      ])
  }

  @Test func `a drain closes idle connections, and a cut-off refuses requests in work`() {
    let drained = ConnectionMachine.Event.drained(isHeadBegun: false)
    expect(Self.opened + [Line(drained, [.close, .arm(.close)], .closing), Line(drained, [], .closing)])
    expect(Self.opened + [Line(.drained(isHeadBegun: true), [], .idle)])
    for before in [Self.lookingUp, Self.reading, Self.gathering, Self.discarding, Self.storing] {
      expect(before + [Line(drained, [], before[before.count - 1].phase)])
      expect(before + [Line(.cutOff, [.refuse(.shuttingDown)], .refusing)] + Self.refusedAndClosed)
    }
    expect(Self.opened + [Line(.cutOff, [.release], .gone)])
    expect(Self.streaming + [Line(.cutOff, [.breakStream, .release], .gone)])
    expect(Self.opened + [Line(drained, [.close, .arm(.close)], .closing), Line(.cutOff, [], .closing)])
  }

  // MARK: The socket

  @Test func `while the client takes nothing only its write deadline counts`() {
    expect(
      Self.opened + [
        Line(.blocked(hasTaken: true), [.awaitWritable, .arm(.write)], .idle),
        Line(.blocked(hasTaken: false), [], .idle), Line(.blocked(hasTaken: true), [.arm(.write)], .idle),
        Line(.headBegun, [], .idle), Line(.admitted(.push), [.invite], .reading),
        Line(.flushed(isHeadBegun: false), [.becomeWritable, .arm(.body)], .reading),
      ])
    for (before, wait) in [
      (Self.opened, .idle), (Self.gathering, .body), (Self.discarding, .body), (Self.lookingUp, .answer),
      (Self.storing, .answer), (Self.streaming, .answer),
    ] as [([Line], ConnectionMachine.Wait)] {
      let phase = before[before.count - 1].phase
      let blocked = before + [Line(.blocked(hasTaken: false), [.awaitWritable, .arm(.write)], phase)]
      expect(blocked + [Line(.flushed(isHeadBegun: false), [.becomeWritable, .arm(wait)], phase)])
      let end: [ConnectionMachine.Action] = phase == .streaming ? [.breakStream, .release] : [.release]
      expect(blocked + [Line(.deadlineReached(isHeadBegun: true), end, .gone)])
    }
    expect(
      Self.opened + [
        Line(.blocked(hasTaken: false), [.awaitWritable, .arm(.write)], .idle),
        Line(.flushed(isHeadBegun: true), [.becomeWritable, .arm(.head)], .idle),
      ])
  }

  @Test func `a lingering connection skips the client's bytes up to a limit`() {
    let over = Self.opened + [Line(.drained(isHeadBegun: false), [.close, .arm(.close)], .closing)] + Self.lingering
    expect(over + [Line(.skipped(isTooMuch: false), [.arm(.linger)], .lingering)])
    expect(over + [Line(.skipped(isTooMuch: true), [.release], .gone)])
    expect(over + [Line(.peerClosed(isAnswerWanted: false), [.release], .gone)])
    expect(over + [Line(.deadlineReached(isHeadBegun: false), [.release], .gone)])
  }

  @Test func `a closing connection waits until its answer can be sent`() {
    expect(
      Self.opened + [
        Line(.drained(isHeadBegun: false), [.close, .arm(.close)], .closing),
        Line(.blocked(hasTaken: false), [.awaitWritable, .arm(.write)], .closing),
        Line(
          .flushed(isHeadBegun: false), [.becomeWritable, .closeSending, .startReading, .arm(.linger)], .lingering),
      ])
  }
}
