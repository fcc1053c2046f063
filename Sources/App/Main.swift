@main
struct Pganalytics {
  static func main() {}
}
