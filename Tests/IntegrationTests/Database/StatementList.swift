// All statements of the program that the database is asked with, room by room. `StatementTests` finds one that is not here.

@testable import App

enum StatementList {
  /// Those that every database is asked with.
  static let all: [StatementDescription] = schema + people + fleet + metrics + findings + DatabaseStatusStatements.all

  /// Those that are asked only where TimescaleDB is.
  static let timescale: [StatementDescription] =
    TimescaleStatements.all + ServerRemovalStatements.timescale + DatabaseStatusStatements.timescale
    + MetricStatements.described(.timescale) + ReadEndpoints.described(.timescale)

  private static let schema =
    MigrationStatements.all + SchemaStatements.all + PartitionStatements.all + MaintenanceStatements.all
    + ReadinessStatements.all

  private static let people =
    AccountStatements.all + UserSessionStatements.all + LoginStatements.all + AuditStatements.all
    + SigningKeyStatements.all + APITokenStatements.all + SessionList.listing.statements + [SessionList.end.description]
    + TokenScopeStatements.all

  private static let fleet =
    CollectorStatements.all + RegistrationSecretStatements.all + EnrolmentStatements.all + CertificateStatements.all
    + CollectorAdminStatements.all + RejectStatements.all + RefusalStatements.all + ConfigStatements.all
    + ServerStatements.all + ServerRemovalStatements.all + LabelStatements.all

  private static let metrics =
    DeadLetterStatements.all + ParkedPushStatements.all + PushLedger.all + MetricStatements.all + RollupStatements.all
    + RollupUnitStatements.all + RollupStateStatements.all + RollupPartitionStatements.all + ReadStatements.all
    + ReadEndpoints.described(.plain)

  private static let findings =
    Checks.statements + FindingStatements.all + ServerFigures.all + FindingAnswerStatements.all + SilenceStatements.all
    + CheckStatements.all + ChannelStatements.all + OutboxStatements.all + DeliveryStatements.all
}
