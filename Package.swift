// swift-tools-version: 6.2
// Targets and their one-way dependencies: CEpoll <- {Ground, Reactor, Protocol} <- HTTPClient <- App, and HTTPClient <- bench.
// Ground, Reactor and Protocol never import one another; bench never imports App.
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "pganalytics",
  products: [
    .executable(name: "pganalytics", targets: ["App"]),
    .executable(name: "pganalytics-bench", targets: ["Bench"]),
    .executable(name: "pganalytics-micro", targets: ["Micro"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    .target(name: "CEpoll"),
    .target(name: "Reactor", dependencies: ["CEpoll"], swiftSettings: strict),
    .target(name: "Protocol", dependencies: ["CEpoll"], swiftSettings: strict),
    // The lowest room of Sources/App. The server, bench and tests share it; Protocol and Reactor do not need it.
    .target(name: "Ground", dependencies: ["CEpoll"], path: "Sources/App/Ground", swiftSettings: strict),
    // The connections of a client on a loop: HTTPS, webhooks, mail servers.
    .target(
      name: "HTTPClient", dependencies: ["CEpoll", "Ground", "Reactor", "Protocol"], path: "Sources/App/Client",
      swiftSettings: strict),
    // The pages for browsers, embedded by the C compiler: Swift takes 20 s for array literals of this size.
    .target(name: "ConsoleFiles", path: "Sources/App/Console", exclude: ["Pages"]),
    .executableTarget(
      name: "App",
      dependencies: [
        "CEpoll", "ConsoleFiles", "Ground", "Reactor", "Protocol", "HTTPClient",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      exclude: ["Client", "Console", "Ground"],
      resources: [.embedInCode("Schema/Migrations")],
      swiftSettings: strict),
    .executableTarget(
      name: "Bench",
      dependencies: [
        "CEpoll", "Ground", "Reactor", "Protocol", "HTTPClient", "GeneratedPushes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "bench",
      exclude: ["micro", "counters", "pushes"],
      swiftSettings: strict),
    // Pushes as stock collectors make them. For bench, pganalytics-micro and tests; the server never links it.
    .target(name: "GeneratedPushes", dependencies: ["Protocol"], path: "bench/pushes", swiftSettings: strict),
    // Counts allocations and system calls. For tests and pganalytics-micro; the server never links it.
    .target(name: "CCounters", path: "bench/counters"),
    .executableTarget(
      name: "Micro",
      dependencies: [
        "CEpoll", "Ground", "Protocol", "CCounters", "GeneratedPushes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "bench/micro",
      swiftSettings: strict),
    // Hostile input, and the properties that each reader of it must have. For the tests and scripts/fuzz.
    .target(name: "FuzzTargets", dependencies: ["Protocol"], path: "Tests/Fuzz/Targets", swiftSettings: strict),
    .testTarget(name: "ReactorTests", dependencies: ["Reactor", "Ground", "CEpoll"], swiftSettings: strict),
    .testTarget(
      name: "ProtocolTests",
      dependencies: ["Protocol", "Ground", "CEpoll", "CCounters", "FuzzTargets", "GeneratedPushes"],
      swiftSettings: strict),
    .testTarget(
      name: "AppTests",
      dependencies: [
        "App", "Bench", "GeneratedPushes", "Ground", "Protocol", "Reactor", "CEpoll",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "BenchTests",
      dependencies: [
        "Bench", "HTTPClient", "GeneratedPushes", "Ground", "Protocol", "Reactor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Golden"], swiftSettings: strict),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "App", "Bench", "GeneratedPushes", "Ground", "HTTPClient", "Protocol", "Reactor", "CEpoll", "CCounters",
        "FuzzTargets",
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
