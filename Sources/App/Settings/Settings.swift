// Every setting of the server. The values are here; names, units and help are in Settings+Declarations.swift.

import Reactor

/// The settings of one process. They are read at the start and at SIGHUP and then passed on; no other code reads the
/// environment. An object that outlives a reload holds them as `Live`, or its lane informs it.
struct Settings: Sendable {
  // Process
  var listen = "127.0.0.1:8443"
  var proxyProtocolFrom: [IPNetwork] = []
  var dataDirectory = ".pganalytics"
  var databaseURL = ""
  /// 0: one per processor core.
  var loops = 0
  var logLevel = "info"
  var pushLogSample = 1000
  var pushLogRefusalsPerSecond = 10
  var logBufferBytes = 4 * 1024 * 1024
  var logBufferUrgentBytes = 1024 * 1024
  var metricsToken = ""
  var webLibraryDirectory = "/usr/share/pganalytics/web"

  // HTTP
  var headBytes = 16 * 1024
  var headFields = 100
  var bodyBytes = 64 * 1024 * 1024
  var adminBodyBytes = 1024 * 1024
  var adminBytesInFlight = 64 * 1024 * 1024
  var answerBytesInFlight = 64 * 1024 * 1024
  var handshakeDeadline = Duration.seconds(10)
  var headDeadline = Duration.seconds(10)
  var bodyDeadline = Duration.seconds(10)
  var bodyBytesPerSecond = 1024
  var idleDeadline = Duration.seconds(75)
  var writeDeadline = Duration.seconds(10)
  var lingerDeadline = Duration.seconds(2)
  var lingerBytes = 64 * 1024 * 1024
  var drainDeadline = Duration.seconds(30)
  var drainSpread = Duration.seconds(10)
  /// 0: as many as the descriptor limit allows.
  var connections = 0
  var acceptsPerTurn = 64
  var handshakeBudget = Duration.milliseconds(2)
  var unfinishedHandshakes = 1024
  var handshakesPerAddress = 128
  var anonymousPerAddress = 256
  var knownCertificates = 65_536

  // Ingest
  var inflatedBytes = 256 * 1024 * 1024
  var inflateRatio = 200
  var inflateRatioGraceBytes = 64 * 1024
  var jsonDepth = 32
  var jsonStringBytes = 1024 * 1024
  var jsonWindowBytes = 1024 * 1024
  var pushMetrics = 1 << 18
  var logListLines = 1000
  var rejectsReported = 100
  var bytesInFlight = 512 * 1024 * 1024
  var pauseBytes = 64 * 1024 * 1024
  var collectorBytesInFlight = 16 * 1024 * 1024
  var pushesPerMinute = 120
  var pushBytesPerSecond = 16 * 1024 * 1024
  var checkInInterval = Duration.seconds(60)
  var knownIDs = 4 * 1024 * 1024

  // Writer
  var writerConnections = 2
  var batchRows = 10_000
  var batchBytes = 4 * 1024 * 1024
  var batchPushes = 64
  var batchLinger = Duration.zero
  var commitDeadline = Duration.seconds(20)
  var lockTimeout = Duration.seconds(5)
  var copyTimeout = Duration.seconds(30)
  var witnessWait = Duration.seconds(3)
  var divisionRest = Duration.seconds(30)
  var refusalProbe = Duration.seconds(1)
  var commitsStalledAfter = Duration.seconds(5)

  // Storage
  var retention = Duration.seconds(30 * 86_400)
  var typeRetention: [String: Duration] = [:]
  var maintenanceInterval = Duration.seconds(3600)
  var rollupRetention = Duration.seconds(365 * 86_400)
  var fineRollupRetention = Duration.seconds(30 * 86_400)
  var rollupInterval = Duration.seconds(300)
  var rollupDelay = Duration.seconds(120)
  var rollupTimeout = Duration.seconds(300)
  var rollupServers = 50
  var rollupSpan = Duration.seconds(6 * 3600)
  var rollupDecompressedRows = 1_000_000
  var rollupFailures = 16
  var rollupRetry = Duration.seconds(600)
  var rollupRetryMaximum = Duration.seconds(86_400)
  var partitionsAhead = 3
  var clockSkew = Duration.seconds(600)
  var compressAfter = Duration.seconds(2 * 86_400)
  var removalRows = 10_000
  var removalPause = Duration.milliseconds(100)

  // Findings
  var findingInterval = Duration.seconds(5)
  var findingTimeout = Duration.seconds(10)
  var findingServers = 200
  var findingRetention = Duration.seconds(365 * 86_400)
  var backtestEvaluations = 200_000
  var backtestTimeout = Duration.seconds(60)

  // Endpoints and tasks of the cooperative pool
  var adminConnections = 4
  var adminQueue = 256
  var adminQueueDeadline = Duration.seconds(5)
  var queryTimeout = Duration.seconds(15)
  var queryConnections = 2
  var queryQueueDeadline = Duration.seconds(30)
  var queryWorkers = 0
  var queryNice = 5
  var queryPushSlowdown = 2
  var queryPushDelay = Duration.milliseconds(5)
  var queryShareMinimum = 30
  var queryPutOffMaximum = Duration.seconds(15)
  var queryRows = 10_000
  var readSectionRows = 1000
  var readSortBytes = 64 * 1024 * 1024
  var readRangeMaximum = Duration.seconds(400 * 86_400)
  var streamRows = 10_000_000
  var streamTimeout = Duration.seconds(10 * 60)
  var streamUnsentBytes = 256 * 1024

  // Identity
  var accessTokenLife = Duration.seconds(15 * 60)
  var refreshTokenLife = Duration.seconds(24 * 3600)
  var refreshGrace = Duration.seconds(30)
  var apiTokenLifeMaximum = Duration.seconds(366 * 86_400)
  var collectorTokenLife = Duration.seconds(30 * 60)
  var certificateLife = Duration.seconds(30 * 86_400)
  var certificateGrace = Duration.seconds(7 * 86_400)
  var enrolmentPermitLife = Duration.seconds(3600)
  var reenrolment = Reenrolment.permit.rawValue
  var labelsPerServer = 32
  var offlineAfter = Duration.seconds(5 * 60)
  var serverCertificateLife = Duration.seconds(365 * 86_400)
  var authorityLife = Duration.seconds(10 * 365 * 86_400)
  var reloadInterval = Duration.seconds(2)
  var signingKeyLife = Duration.seconds(30 * 86_400)
  var signingKeyLead = Duration.seconds(60)
  var crlLife = Duration.seconds(86_400)
  var loginsPerAccountMinute = 10
  var loginsPerAddressMinute = 60
  var loginLockoutFailures = 10
  var loginLockout = Duration.seconds(60)
  var loginLockoutMaximum = Duration.seconds(3600)
  var loginLockoutAddresses = 5
  var auditRetention = Duration.seconds(365 * 86_400)
  var auditRefusalsPerMinute = 60

  // Notifications
  var publicURL = ""
  var channelNetworks: [IPNetwork] = []
  var channelKeyFile = ""
  var channelDirectory = ""
  var notificationInterval = Duration.seconds(2)
  var notificationGroupTime = Duration.seconds(60)
  var notificationDeadline = Duration.seconds(15)
  var notificationRetry = Duration.seconds(5)
  var notificationRetryMaximum = Duration.seconds(600)
  var notificationRetention = Duration.seconds(86_400)
  var notificationHistory = Duration.seconds(30 * 86_400)
}
