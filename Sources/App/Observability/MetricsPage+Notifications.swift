// The part of /metrics about notifications.

extension MetricsPage {
  func notify(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_notifications_delivered_total", .counter, "Messages that this server delivered, by kind of channel.",
      by: "kind", ChannelKind.allCases.map { ($0.rawValue, notifications.delivered[$0] ?? 0) })
    page.family(
      "pganalytics_notification_failures_total", .counter,
      "Tries of this server to deliver a message that failed, by kind of channel.", by: "kind",
      ChannelKind.allCases.map { ($0.rawValue, notifications.failedTries[$0] ?? 0) })
    page.family(
      "pganalytics_notifications_given_up_total", .counter,
      "Messages that this server gave up, because nobody had taken them within notification_retention.",
      notifications.givenUp)
    page.family(
      "pganalytics_notifications_waiting", .gauge,
      "Messages that wait for their delivery. The same from every server.", Int(notifications.outbox.waiting))
    page.family(
      "pganalytics_notification_oldest_seconds", .gauge,
      "How long the oldest waiting message has waited; 0: none waits. The same from every server.",
      Int(notifications.outbox.oldestSeconds))
  }
}
