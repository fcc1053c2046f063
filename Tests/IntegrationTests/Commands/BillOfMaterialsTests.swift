import Glibc
import Ground
import Protocol
import Testing

/// scripts/sbom, run on the program that was built with these tests.
@Suite struct BillOfMaterialsTests {
  private static let root = #filePath.prefix(
    upTo: #filePath.firstRange(of: "/Tests/")?.lowerBound ?? #filePath.endIndex)

  private func output(of command: [String]) throws -> String {
    var template = Array("/tmp/pgs-sbom-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    try #require(descriptor >= 0)
    close(descriptor)
    let file = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    defer { unlink(file) }
    try ChildProcess.run(command, output: file)
    return ChildProcess.text(of: file)
  }

  @Test func `the bill names every library that the program needs, and every pinned package`() throws {
    let program = try BuiltProgram.directory() + "/pganalytics"
    let text = try output(of: ["\(Self.root)/scripts/sbom", program])
    let bill = try JSONValue.parse(Array(text.utf8).span)
    #expect(bill["bomFormat"]?.text == "CycloneDX" && bill["specVersion"]?.text == "1.5")
    #expect(bill["metadata"]?["component"]?["version"]?.text == Version.text)
    #expect(bill["metadata"]?["timestamp"] == nil)

    let components = bill["components"]?.elements ?? []
    for component in components {
      #expect(component["version"]?.text?.isEmpty == false && component["purl"]?.text?.hasPrefix("pkg:") == true)
    }
    let libraries = components.flatMap { component in
      (component["properties"]?.elements ?? []).filter { $0["name"]?.text == "pganalytics:shared-library" }
        .compactMap { $0["value"]?.text }
    }
    let needed = try output(of: ["/usr/bin/readelf", "--dynamic", "--wide", program]).matches(
      of: /\(NEEDED\).*\[(.+)\]/)
    #expect(needed.count > 5)
    for library in needed { #expect(libraries.contains(String(library.output.1)), "\(library.output.1)") }
    for library in ["libssl.so.3", "libcrypto.so.3", "libpq.so.5", "libz.so.1", "libisal.so.2"] {
      #expect(libraries.contains(library), "\(library)")
    }

    let references = Set(components.compactMap { $0["bom-ref"]?.text })
    let manifest = ChildProcess.text(of: "\(Self.root)/Package.swift")
    let packages = manifest.matches(of: /\.package\(url: "https:\/\/(.+)", exact: "(.+)"\)/)
    #expect(packages.count == 2)
    for package in packages {
      #expect(references.contains("pkg:swift/\(package.output.1)@\(package.output.2)"), "\(package.output.1)")
    }
    #expect(components.contains { $0["name"]?.text == "swift-runtime" })
    for name in ["swagger-ui-dist", "uplot"] {
      #expect(components.contains { $0["name"]?.text == name && $0["externalReferences"] != nil }, "\(name)")
    }

    // Every dependency names a listed component, and the program has an entry of its own.
    let dependencies = bill["dependencies"]?.elements ?? []
    #expect(dependencies.count == components.count + 1)
    for other in dependencies.flatMap({ $0["dependsOn"]?.elements ?? [] }) {
      #expect(references.contains(other.text ?? ""), "\(other)")
    }

    #expect(try output(of: ["\(Self.root)/scripts/sbom", program]) == text, "two runs differ")
    let dated = try output(of: ["/usr/bin/env", "SOURCE_DATE_EPOCH=0", "\(Self.root)/scripts/sbom", program])
    #expect(try JSONValue.parse(Array(dated.utf8).span)["metadata"]?["timestamp"]?.text == "1970-01-01T00:00:00Z")
  }
}
