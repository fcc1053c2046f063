/// What giving a collector its identity takes: where collectors are written down, who signs certificates and tokens, and who
/// has to hear of it.
struct EnrolmentOffice: Sendable {
  let database: Database
  let identity: ServerIdentity
  let signingKeys: SigningKeys
  let directory: CollectorDirectory
  let refusals: IdentityRefusals
}
