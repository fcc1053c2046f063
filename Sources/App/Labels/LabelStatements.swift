enum LabelStatements {
  static let all = [ServerSelection.statement.description]
}
