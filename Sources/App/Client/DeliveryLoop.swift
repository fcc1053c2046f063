// Makes the deliveries of notifications: requests to webhooks, and messages to mail servers. A loop of its own does it, so
// a slow target keeps no push and no request waiting. Names are looked up on workers, because a look-up blocks.

internal import Protocol
internal import Reactor
internal import Synchronization

/// A thread that makes deliveries. Any task may call it.
public final class DeliveryLoop: Sendable {
  /// The most bytes of an answer's body that are kept, and read.
  public static let answerBytes = 64 << 10
  /// The most deliveries at a time. One more fails at once and is retryable.
  public static let maximumDeliveries = 64
  private static let lookupThreads = 4

  private let thread: LoopThread
  private let names: NameLookup
  /// Contexts with the authorities of the operating system. Mail servers are offered no application protocol.
  private let webhookContext: TLSContext
  private let mailContext: TLSContext
  private let deliveries = Atomic<Int>(0)

  private init(thread: LoopThread, names: NameLookup, webhooks: TLSContext, mail: TLSContext) {
    self.thread = thread
    self.names = names
    webhookContext = webhooks
    mailContext = mail
  }

  /// Starts the threads.
  /// - Throws: the error of a system call, or `TLSError.unusableSettings`.
  public static func start() throws -> DeliveryLoop {
    let webhooks = try TLSContext.client(trustPEM: nil)
    let mail = try TLSContext.client(trustPEM: nil, applicationProtocols: [])
    let workers = try WorkerPool(name: "names", threads: lookupThreads, maximumWaiting: maximumDeliveries)
    let thread = try LoopThread.start(name: "deliveries", index: 0) { _ in }
    return DeliveryLoop(thread: thread, names: NameLookup(workers: workers), webhooks: webhooks, mail: mail)
  }

  /// Breaks off all deliveries, which fail as retryable, and ends the loop. A look-up that still waits for a name server
  /// ends later, and its delivery with it.
  public func stop() {
    thread.stop()
    thread.join()
  }

  /// Sends one request, over a connection of its own.
  /// - Returns: the answer, whose status is 2xx.
  /// - Throws: the reason that the target has not taken the request, or that this is unknown. A redirect is a failure.
  public func deliver(
    _ delivery: WebhookDelivery, _ rules: DeliveryRules
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    if !delivery.url.usesTLS, !delivery.permitsPlain {
      throw DeliveryFailure(.permanent, "The URL is http, and the channel does not permit a connection without TLS.")
    }
    let target = DeliveryTarget(
      host: delivery.url.host, port: delivery.url.port, place: delivery.url.place,
      context: delivery.url.usesTLS ? try context(rules.trust, webhookContext, ["http/1.1"]) : nil,
      beginsWithTLS: delivery.url.usesTLS, policy: rules.policy, deadline: .now() + rules.deadline)
    return try await attempt(target) { () throws(DeliveryFailure) in try WebhookConversation(delivery) }
  }

  /// Gives one message to a mail server, over a connection of its own.
  /// - Returns: the answer. It names recipients that the server refused, if it accepted others.
  /// - Throws: the reason that the server has not taken the message, or that this is unknown.
  public func deliver(
    _ delivery: MailDelivery, _ rules: DeliveryRules
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    let target = DeliveryTarget(
      host: delivery.server.host, port: delivery.server.port, place: delivery.server.place,
      context: delivery.server.security == .plain ? nil : try context(rules.trust, mailContext, []),
      beginsWithTLS: delivery.server.security == .tls, policy: rules.policy, deadline: .now() + rules.deadline)
    return try await attempt(target) { () throws(DeliveryFailure) in try MailConversation(delivery) }
  }

  private func context(
    _ trust: DeliveryTrust, _ system: TLSContext, _ applicationProtocols: [String]
  ) throws(DeliveryFailure) -> TLSContext {
    switch trust {
    case .system: return system
    case .authorities(let pem):
      do throws(TLSError) {
        return try TLSContext.client(trustPEM: pem, applicationProtocols: applicationProtocols)
      } catch {
        throw DeliveryFailure(.permanent, "The delivery cannot begin: \(error).")
      }
    }
  }

  /// - Parameter converse: makes the conversation, on the loop.
  private func attempt(
    _ target: DeliveryTarget, _ converse: @escaping @Sendable () throws(DeliveryFailure) -> any Conversation
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    let number = deliveries.add(1, ordering: .relaxed).newValue
    defer { deliveries.subtract(1, ordering: .relaxed) }
    if number > Self.maximumDeliveries {
      throw DeliveryFailure(.retryable, "\(Self.maximumDeliveries) deliveries are being made; this one has to wait.")
    }
    let result = await withCheckedContinuation { continuation in
      let promise = DeliveryPromise(continuation)
      thread.handle.submit { [names] loop in
        do throws(DeliveryFailure) {
          DeliveryAttempt(loop: loop, target: target, conversation: try converse(), promise: promise).start(names)
        } catch {
          promise.resolve(.failure(error))
        }
      }
    }
    return try result.get()
  }
}
