// The reasons that a received message is refused. The peer is always at fault; faults of this program are
// HTTPEncodingError.

/// A refused message: the reason, and the status to answer with.
public struct HTTPError: Error, Sendable, Hashable {
  /// The rule that the message breaks.
  public let reason: Reason

  /// Makes the error for a reason.
  public init(_ reason: Reason) { self.reason = reason }

  /// The broken rule. The raw value is stable, because counters and log fields use it as their name.
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    // The lines of a head (RFC 9112 §2.2, §5)
    case bareCarriageReturn = "bare_carriage_return"
    case bareLineFeed = "bare_line_feed"
    case controlCharacter = "control_character"
    case emptyLine = "empty_line"
    case headTooLarge = "head_too_large"
    case tooManyFields = "too_many_fields"
    case foldedField = "folded_field"
    case missingColon = "missing_colon"
    case spaceBeforeColon = "space_before_colon"
    case invalidFieldName = "invalid_field_name"
    case repeatedField = "repeated_field"

    // The start line (RFC 9112 §3, §4)
    case malformedRequestLine = "malformed_request_line"
    case malformedStatusLine = "malformed_status_line"
    case invalidMethod = "invalid_method"
    case invalidVersion = "invalid_version"
    case unsupportedVersion = "unsupported_version"
    case targetTooLong = "target_too_long"
    case invalidTarget = "invalid_target"
    case invalidPercentEncoding = "invalid_percent_encoding"
    case encodedSlash = "encoded_slash"
    case encodedControl = "encoded_control"
    case invalidUTF8 = "invalid_utf8"
    case dotSegment = "dot_segment"
    case invalidQuery = "invalid_query"
    case missingHost = "missing_host"
    case repeatedHost = "repeated_host"
    case invalidHost = "invalid_host"

    // Framing (RFC 9112 §6, §7)
    case invalidContentLength = "invalid_content_length"
    case repeatedContentLength = "repeated_content_length"
    case contentLengthWithTransferEncoding = "content_length_with_transfer_encoding"
    case transferEncodingInHTTP10 = "transfer_encoding_in_http_1_0"
    case invalidTransferEncoding = "invalid_transfer_encoding"
    case unsupportedTransferEncoding = "unsupported_transfer_encoding"
    case unsupportedExpectation = "unsupported_expectation"
    case bodyTooLarge = "body_too_large"
    case invalidChunkSize = "invalid_chunk_size"
    case chunkSizeOverflow = "chunk_size_overflow"
    case invalidChunkExtension = "invalid_chunk_extension"
    case chunkExtensionTooLong = "chunk_extension_too_long"
    case chunkOverheadTooLarge = "chunk_overhead_too_large"
    case chunkNotTerminated = "chunk_not_terminated"
    case trailersTooLarge = "trailers_too_large"
    case forbiddenTrailer = "forbidden_trailer"

    // Only in a client
    case unexpectedStatus = "unexpected_status"
  }

  /// The status that answers the fault. A client that receives a bad response answers nobody; it gets 502 here.
  public var status: HTTPStatus {
    switch reason {
    case .bareCarriageReturn, .bareLineFeed, .controlCharacter, .emptyLine, .foldedField, .missingColon,
      .spaceBeforeColon, .invalidFieldName, .repeatedField, .malformedRequestLine, .invalidMethod, .invalidVersion,
      .invalidTarget, .invalidPercentEncoding, .encodedSlash, .encodedControl, .invalidUTF8, .dotSegment,
      .invalidQuery, .missingHost, .repeatedHost, .invalidHost, .invalidContentLength,
      .repeatedContentLength, .contentLengthWithTransferEncoding, .transferEncodingInHTTP10,
      .invalidTransferEncoding, .invalidChunkSize, .chunkSizeOverflow, .invalidChunkExtension,
      .chunkExtensionTooLong, .chunkOverheadTooLarge, .chunkNotTerminated, .forbiddenTrailer:
      .badRequest
    case .headTooLarge, .tooManyFields, .trailersTooLarge: .requestHeaderFieldsTooLarge
    case .targetTooLong: .uriTooLong
    case .bodyTooLarge: .contentTooLarge
    case .unsupportedExpectation: .expectationFailed
    case .unsupportedTransferEncoding: .notImplemented
    case .unsupportedVersion: .httpVersionNotSupported
    case .malformedStatusLine, .unexpectedStatus: .badGateway
    }
  }
}
