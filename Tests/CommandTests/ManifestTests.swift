import Apus
import Foundation
import TestSupport
import Testing

/// The manifest's arrows are true: each target declares the modules that it imports, and no other.
@Suite struct ManifestTests {
  /// What `swift package dump-package` says of a target.
  struct Target: Decodable {
    let name: String
    let type: String
    let path: String?
    let dependencies: [Dependency]

    /// `{"byName": ["ApusCore", null]}` or `{"product": ["RealModule", "swift-numerics", null, null]}`
    struct Dependency: Decodable {
      let name: String

      init(from decoder: any Decoder) throws {
        let fields = try decoder.singleValueContainer().decode([String: [Field]].self)
        name = fields.values.lazy.compactMap(\.first?.text).first ?? ""
      }

      /// Names; conditions and aliases, which are not looked at.
      struct Field: Decodable {
        let text: String?
        init(from decoder: any Decoder) throws { text = try? decoder.singleValueContainer().decode(String.self) }
      }
    }

    var folder: String { path ?? (type == "test" ? "Tests/\(name)" : "Sources/\(name)") }
  }

  private struct Manifest: Decodable { let targets: [Target] }

  private static func targets() throws -> [Target] {
    // A scratch folder of its own: the one of this test run is locked.
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("apus-manifest-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let result = try runProgram(
      URL(fileURLWithPath: "/usr/bin/env"),
      arguments: ["swift", "package", "--scratch-path", scratch.path, "dump-package"], limit: 300)
    guard result.status == 0 else { throw ApusError.input("swift package dump-package: \(result.errors)") }
    return try JSONDecoder().decode(Manifest.self, from: Data(result.output.utf8)).targets
  }

  /// The modules that a source file imports, whatever stands before the word and whichever part is imported.
  static func imports(of text: String) -> Set<String> {
    let line =
      #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(?<module>\w+)/#
    return Set(text.split(separator: "\n").compactMap { $0.prefixMatch(of: line).map { String($0.module) } })
  }

  /// Parts of the toolchain and of the system.
  private static let system: Set = [
    "Swift", "Foundation", "FoundationXML", "Glibc", "Musl", "Synchronization", "Testing",
  ]

  /// What is wrong with a target.
  /// - Parameter programs: targets that are run, not imported: they are declared so that they are built.
  static func faults(_ target: String, imports: Set<String>, declares: Set<String>, programs: Set<String>) -> [String] {
    let imported = imports.subtracting(system)
    return imported.subtracting(declares).sorted().map { "\(target) imports \($0) and does not declare it" }
      + declares.subtracting(imported).subtracting(programs).sorted().map {
        "\(target) declares \($0) and imports it nowhere"
      }
  }

  @Test func everyTargetDeclaresWhatItImports() throws {
    let targets = try Self.targets()
    #expect(targets.count > 20)
    let programs = Set(targets.filter { $0.type == "executable" }.map(\.name))
    for target in targets where target.type != "system" {
      let files = Repository.files(below: target.folder, ending: ".swift")
      if files.isEmpty, !Repository.files(below: target.folder, ending: ".c").isEmpty {
        #expect(target.dependencies.isEmpty, "\(target.name) is in C and imports nothing")
        continue
      }
      #expect(!files.isEmpty, "\(target.name) has no sources in \(target.folder)")
      let imports = try files.reduce(into: Set<String>()) { $0.formUnion(Self.imports(of: try Repository.text($1))) }
      let faults = Self.faults(
        target.name, imports: imports, declares: Set(target.dependencies.map(\.name)), programs: programs)
      #expect(faults.isEmpty, "Package.swift: \(faults.joined(separator: "; "))")
    }
  }

  /// Targets stand in an order in which each depends only on those that precede it.
  @Test func dependenciesPointUpwards() throws {
    let targets = try Self.targets()
    for (position, target) in targets.enumerated() {
      let later = Set(targets[position...].map(\.name))
      let wrong = target.dependencies.map(\.name).filter(later.contains)
      #expect(wrong.isEmpty, "\(target.name) depends on \(wrong), which the manifest lists after it")
    }
  }

  @Test func wrongArrowsAreFound() {
    let text = "// import Not\n@testable import A\npublic import struct B.C\n  @_exported import D\nimport Foundation\n"
    #expect(Self.imports(of: text) == ["A", "B", "D", "Foundation"])
    let faults = Self.faults(
      "T", imports: Self.imports(of: text), declares: ["A", "B", "E", "P"], programs: ["P"])
    #expect(faults == ["T imports D and does not declare it", "T declares E and imports it nowhere"])
  }
}
