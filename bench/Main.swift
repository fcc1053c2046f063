@main
struct PganalyticsBench {
  static func main() {}
}
