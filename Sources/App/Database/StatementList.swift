/// All statements of the program that the database is asked with. A statement that is not here is not checked.
enum StatementList {
  static let all: [StatementDescription] =
    MigrationStatements.all + SchemaStatements.all + PartitionStatements.all
    + MaintenanceStatements.all + SigningKeyStatements.all + DatabaseStatusStatements.all + AccountStatements.all
    + UserSessionStatements.all
    + LoginStatements.all
    + CollectorStatements.all + RegistrationSecretStatements.all + EnrolmentStatements.all + CertificateStatements.all
    + CollectorAdminStatements.all + RejectStatements.all + ConfigStatements.all
    + ServerStatements.all + ServerRemovalStatements.all + SystemStatements.all + DeadLetterStatements.all
    + ParkedPushStatements.all + PushLedger.all + MetricStatements.all
    + RollupStatements.all + RollupUnitStatements.all + RollupStateStatements.all
    + RollupPartitionStatements.all + AuditStatements.all
}
