// The schema that a database has while a restore fills it. Servers, migrations and backups refuse such a database, so
// nobody works with half of a backup.

enum RestoreMark {
  static let schema = "pganalytics_restore"
  static let sentence =
    "A restore of the database was begun and has not ended: run `pganalytics db restore` again, with the same backup."
}
