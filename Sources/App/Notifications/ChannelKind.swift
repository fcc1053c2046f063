/// The kinds of channels. The raw value is stored and is part of the API.
enum ChannelKind: String, CaseIterable, Sendable {
  case webhook, slack, alertmanager, email
}
