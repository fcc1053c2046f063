// The declarations of the settings for notifications.

extension Settings {
  private static let hour = Duration.seconds(3600)
  private static let year = Duration.seconds(366 * 86_400)

  static let notificationDeclarations: [SettingDeclaration] = [
    .init(
      "public_url", .text(\.publicURL),
      "URL of this server as people reach it, https://HOST[:PORT]; notifications link to it. Empty: no links."),
    .init(
      "channel_networks", .networks(\.channelNetworks),
      "Networks that channels may connect to although they are denied otherwise: loopback, link-local, multicast."),
    .init(
      "channel_key_file", .text(\.channelKeyFile),
      "File with the key that encrypts the secrets of channels, 64 hex digits; empty: channel-key in data_dir."),
    .init(
      "channel_directory", .text(\.channelDirectory),
      "Directory of the secrets and authorities that channels may name as files; empty: they may name none."),
    .init(
      "notification_interval", .time(\.notificationInterval, .milliseconds(100)...hour),
      "Time between two looks for events to report and messages to deliver."),
    .init(
      "notification_group_time", .time(\.notificationGroupTime, .zero...hour),
      "How long the first finding of a check waits for others, which one message then reports together."),
    .init(
      "notification_deadline", .time(\.notificationDeadline, .milliseconds(100)...hour),
      "How long one try to deliver a message may take."),
    .init(
      "notification_retry", .time(\.notificationRetry, .milliseconds(100)...hour),
      "Pause before a failed delivery is tried again; each further failure doubles it."),
    .init(
      "notification_retry_maximum", .time(\.notificationRetryMaximum, .milliseconds(100)...year),
      "Longest pause between two tries, and the pause after a target has refused a message."),
    .init(
      "notification_retention", .time(\.notificationRetention, .seconds(1)...year),
      "How long a message is tried; then it counts as failed."),
    .init(
      "notification_history", .time(\.notificationHistory, .seconds(3600)...year * 10),
      "Age at which delivered and failed messages are deleted from the lists of deliveries."),
  ]
}
