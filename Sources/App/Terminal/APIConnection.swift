// One connection to a server, for a command that sends one request after the other.

import Ground
import HTTPClient
import Protocol
import Reactor

/// Sends requests over a connection on a loop of its own. It connects when it has to, and again after a loss.
final class APIConnection: Sendable {
  /// The largest answer, in bytes.
  private static let answerBytes = 512 << 20
  private static let handshakeLimit = Duration.seconds(15)
  private static let answerLimit = Duration.seconds(300)

  let url: HTTPSURL
  private let thread: LoopThread
  private let driver: LoopBound<APIDriver>

  /// Finds the addresses of the server. Blocks until a name server answers.
  /// - Throws: `.unreachable`
  init(_ url: HTTPSURL, _ context: TLSContext) throws(ClientFailure) {
    self.url = url
    let addresses: [SocketAddress]
    do throws(NameResolutionError) {
      addresses = try SocketAddress.resolve(host: url.host, port: url.port)
    } catch {
      throw ClientFailure(.unreachable, "The address of the server was not found: \(error).")
    }
    var destination = HTTPSDestination(url: url, addresses: addresses, context: context)
    destination.handshakeLimit = Self.handshakeLimit
    destination.answerLimit = Self.answerLimit
    destination.limits.bodyBytes = Self.answerBytes
    do {
      let birth = DriverBirth()
      thread = try LoopThread.start(name: "client", index: 0) { [destination] loop in
        birth.set(LoopBound(APIDriver(loop, destination), on: loop))
      }
      driver = birth.driver
    } catch {
      throw ClientFailure(.failure, "No connection can be made: \(error).")
    }
  }

  /// Ends the connection.
  func close() {
    thread.stop()
    thread.join()
  }

  /// Sends one request and waits for its answer, whatever its status. One call at a time.
  /// - Throws: `ConnectionLoss`
  func answer(to request: APIRequest) async throws -> HTTPAnswer {
    let head = try HTTPRequestTemplate(
      request.method, target: url.path + request.target, authority: url.authority,
      fields: [HTTPField("User-Agent", "pganalytics/\(Version.text)")] + request.fields)
    return try await withCheckedThrowingContinuation { continuation in
      thread.handle.submit { [driver] loop in
        driver.value(on: loop).send(head, request.body, continuation)
      }
    }
  }
}

/// Hands the driver from the loop's thread to the thread that starts it.
private final class DriverBirth: @unchecked Sendable {  // Safety: `LoopThread.start` orders the write before the read.
  private var made: LoopBound<APIDriver>?

  func set(_ driver: LoopBound<APIDriver>) { made = driver }

  var driver: LoopBound<APIDriver> {
    guard let made else { preconditionFailure("the loop started without its driver") }
    return made
  }
}

/// The owner of the connection, on its loop.
private final class APIDriver: HTTPSConnectionOwner {
  private struct Waiting {
    let head: HTTPRequestTemplate
    let body: [UInt8]
    let continuation: CheckedContinuation<HTTPAnswer, any Error>
    /// Whether the connection was made for this request.
    let isFresh: Bool
  }

  private let connection: HTTPSConnection
  private var waiting: Waiting?

  init(_ loop: EventLoop, _ destination: HTTPSDestination) {
    connection = HTTPSConnection(loop: loop, destination: destination, buffers: HTTPSConnection.Buffers())
  }

  func send(
    _ head: HTTPRequestTemplate, _ body: [UInt8], _ continuation: CheckedContinuation<HTTPAnswer, any Error>
  ) {
    precondition(waiting == nil, "one request at a time")
    waiting = Waiting(head: head, body: body, continuation: continuation, isFresh: !connection.isOpen)
    if connection.isOpen { connection.send(head, body) } else { open() }
  }

  private func open() {
    do throws(ConnectionLoss) {
      try connection.open(identity: nil, owner: self)
    } catch {
      fail(error)
    }
  }

  func connectionOpened(connect: Duration, handshake: Duration) {
    guard let waiting else { return connection.close() }
    connection.send(waiting.head, waiting.body)
  }

  func connectionAnswered(_ answer: HTTPAnswer) {
    let waiting = self.waiting
    self.waiting = nil
    waiting?.continuation.resume(returning: answer)
  }

  func connectionLost(_ loss: ConnectionLoss) {
    guard let waiting else { return }
    // The server may close an idle connection at the moment in which a request is sent. It has not read such a request.
    if !waiting.isFresh, loss == .closedUnanswered {
      self.waiting = Waiting(
        head: waiting.head, body: waiting.body, continuation: waiting.continuation, isFresh: true)
      return open()
    }
    fail(loss)
  }

  private func fail(_ loss: ConnectionLoss) {
    let waiting = self.waiting
    self.waiting = nil
    waiting?.continuation.resume(throwing: loss)
  }
}
