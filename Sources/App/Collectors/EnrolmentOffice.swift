/// The parts of the server that enrolment and renewal use: the database, the signers of certificates and tokens, and the
/// directory that informs the lanes.
struct EnrolmentOffice: Sendable {
  let database: Database
  let identity: ServerIdentity
  let signingKeys: SigningKeys
  let directory: CollectorDirectory
  let refusals: IdentityRefusals
}
