// Collectors and their certificates as the API shows them.

import Protocol

struct CertificateAnswer: ResponseBody {
  static let schemaName = "Certificate"
  let certificate: CertificateRow

  static let example = CertificateAnswer(
    certificate: CertificateRow(
      serial: "5f0e3c1b9a7d24e8b1c06f4a3d92e817",
      fingerprint: "0b6f1c2e9d4a7358e1f0c6b2a9d8e7f40b6f1c2e9d4a7358e1f0c6b2a9d8e7f4",
      notBefore: Timestamp(unixSeconds: 1_789_999_700), notAfter: Timestamp(unixSeconds: 1_792_592_000),
      issuedAt: Timestamp(unixSeconds: 1_790_000_000), revokedAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("serial", certificate.serial, "Hex.")
    object.member("fingerprint", certificate.fingerprint, "SHA-256 of the DER form, hex.")
    object.member("not_before", certificate.notBefore)
    object.member("not_after", certificate.notAfter)
    object.member("issued_at", certificate.issuedAt)
    object.nullable("revoked_at", certificate.revokedAt)
  }
}

extension CollectorRow.Status: ResponseValue {}

struct CollectorAnswer: ResponseBody {
  static let schemaName = "Collector"
  let collector: CollectorRow

  static let example = CollectorAnswer(
    collector: CollectorRow(
      id: UUID(high: 0x8b0c_1f6e_2f2f_4a8e, low: 0x9a53_0b6a_4c0d_1e2f), serverID: 1, name: "db1",
      labels: LabelSet(["env": "production"]), hostname: "db1.example.com", address: nil, version: "3.0.0",
      status: .active,
      registeredAt: Timestamp(unixSeconds: 1_790_000_000), lastSeenAt: Timestamp(unixSeconds: 1_790_003_600),
      revokedAt: nil, configVersion: 3, effectiveConfigVersion: 2,
      certificateExpiresAt: Timestamp(unixSeconds: 1_792_592_000), enrolmentPermittedUntil: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", collector.id)
    object.member("server_id", collector.serverID, "The server whose metrics it delivers.")
    object.member("name", collector.name)
    object.member("labels", collector.labels, "Those of its server.")
    object.member("hostname", collector.hostname)
    object.nullable("address", collector.address, "As it registered.")
    object.nullable("version", collector.version, "As it registered.")
    object.member(
      "status", collector.status,
      "registered: never pushed; active; offline: silent for longer than `offline_after`; revoked.")
    object.member("registered_at", collector.registeredAt)
    object.nullable("last_seen_at", collector.lastSeenAt, "Its last push, some seconds late.")
    object.nullable("revoked_at", collector.revokedAt)
    object.member("config_version", collector.configVersion, "The latest configuration; 0 for none.")
    object.nullable("effective_config_version", collector.effectiveConfigVersion, "The one it took last.")
    object.nullable(
      "certificate_expires_at", collector.certificateExpiresAt, "The end of its last certificate that is not revoked.")
    object.nullable("enrolment_permitted_until", collector.enrolmentPermittedUntil)
  }
}

/// One collector with all its certificates, and what the server did not take from it.
struct CollectorDetails: ResponseBody {
  let collector: CollectorRow
  let certificates: [CertificateRow]
  let rejects: [CollectorReject]
  let refusals: [CollectorRefusal]

  static let example = CollectorDetails(
    collector: CollectorAnswer.example.collector, certificates: [CertificateAnswer.example.certificate],
    rejects: [.example], refusals: [.example])

  func write(to object: inout ObjectWriter) {
    CollectorAnswer(collector: collector).write(to: &object)
    object.member("certificates", certificates.map(CertificateAnswer.init), "The newest first.")
    object.member(
      "rejects", rejects,
      "What was rejected of its pushes, by code and metric type with the last of each: the latest first.")
    object.member(
      "refusals", refusals,
      "Its last refused requests, the latest first: the first refusal for a reason, and then one an hour.")
  }

  /// A tag over what people decide about a collector: its identity, labels, revocation, certificates, configuration and permit.
  /// It does not cover when the collector was seen and which configuration it took.
  var tag: EntityTag {
    var text = "\(collector.id) \(collector.name) \(collector.labels.text) \(collector.configVersion)"
    for time in [collector.revokedAt, collector.enrolmentPermittedUntil] {
      text += " \(time?.unixMicroseconds ?? 0)"
    }
    for certificate in certificates { text += " \(certificate.serial) \(certificate.revokedAt?.unixMicroseconds ?? 0)" }
    return EntityTag(decided: Self.digest(Array(text.utf8)), shown: Self.digest(ObjectWriter.encode(self)))
  }
}

extension CollectorDetails {
  private static func digest(_ bytes: [UInt8]) -> String { Hex.encode(Array(Digest.sha256(bytes).prefix(12))) }
}

struct EnrolmentPermit: ResponseBody {
  let collector: UUID
  let end: Timestamp

  static let example = EnrolmentPermit(
    collector: CollectorAnswer.example.collector.id, end: Timestamp(unixSeconds: 1_790_003_600))

  func write(to object: inout ObjectWriter) {
    object.member("collector_id", collector)
    object.member("enrolment_permitted_until", end)
  }
}
