// Stands in for the network in tests of the outbox.

import HTTPClient
import Protocol
import Synchronization

@testable import App

/// Records every delivery, and answers as the test says.
final class RecordingCarrier: MessageCarrier {
  struct Request: Sendable {
    let url: String
    let id: String
    let body: JSONValue
    let fields: [String: String]

    /// The groups of the message: check, kind of event, number of findings.
    var groups: [String] {
      (body["groups"]?.elements ?? []).map {
        "\($0["check"]?.text ?? "") \($0["event"]?.text ?? "") \($0["count"]?.integer ?? -1)"
      }
    }
  }

  private struct State {
    var requests: [Request] = []
    var mails: [MailDelivery] = []
    var answer: @Sendable (Int) -> Result<DeliveryReceipt, DeliveryFailure> = { _ in
      .success(DeliveryReceipt(code: 200, text: "ok"))
    }
  }

  private let state = Mutex(State())

  var requests: [Request] { state.withLock { $0.requests } }
  var mails: [MailDelivery] { state.withLock { $0.mails } }

  /// Sets the answers. - Parameter answer: gets the number of the delivery, from 1.
  func answer(_ answer: @escaping @Sendable (Int) -> Result<DeliveryReceipt, DeliveryFailure>) {
    state.withLock { $0.answer = answer }
  }

  func deliver(
    _ delivery: WebhookDelivery, _ rules: DeliveryRules
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    let fields = Dictionary(delivery.fields.map { ($0.name, $0.value) }) { $1 }
    let limits = JSONValueLimits(bytes: 64 << 20)
    let body = (try? JSONValue.parse(delivery.body.span, limits: limits)) ?? .null  // because the test looks at it
    let request = Request(
      url: delivery.url.place + delivery.url.target, id: fields["Idempotency-Key"] ?? "", body: body, fields: fields)
    return try state.withLock { state in
      state.requests.append(request)
      return state.answer(state.requests.count + state.mails.count)
    }.get()
  }

  func deliver(_ delivery: MailDelivery, _ rules: DeliveryRules) async throws(DeliveryFailure) -> DeliveryReceipt {
    try state.withLock { state in
      state.mails.append(delivery)
      return state.answer(state.requests.count + state.mails.count)
    }.get()
  }
}
