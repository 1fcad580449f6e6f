import Apus
import Foundation
import TestSupport
import Testing

/// What `import Apus` puts at top level: layers and methods, but no operator's type.
@Suite struct ImportTests {
  /// The types' names of all operators.
  private static let names = OperatorCatalog.standard.types.map { "\($0)" }

  /// What the compiler says of a file that imports Apus: its errors; empty if it compiles.
  private func errors(_ body: String, flags: [String] = []) throws -> [String] {
    let products = Repository.products
    let packages = products.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("checkouts")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-import-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("user.swift")
    try "import Apus\n\(body)".write(to: file, atomically: true, encoding: .utf8)
    let maps =
      [
        Repository.file("Sources/CZlib/module.modulemap"),
        packages.appendingPathComponent("swift-numerics/Sources/_NumericsShims/include/module.modulemap"),
      ].map(\.path)
    let result = try runProgram(
      URL(fileURLWithPath: "/usr/bin/env"),
      arguments: [
        "swiftc", "-typecheck", "-swift-version", "6", "-I", products.appendingPathComponent("Modules").path, file.path,
      ] + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] } + flags, limit: 300)
    #expect(!result.wasSignalled)
    let errors = result.errors.split(separator: "\n").map(String.init).filter { $0.contains("error: ") }
    #expect(result.status == 0 || !errors.isEmpty, "\(result.errors)")
    return errors
  }

  /// A program with types of all these names uses them unqualified, beside the methods, signs and types of Apus.
  @Test(arguments: [[], ["-enable-upcoming-feature", "MemberImportVisibility"]])
  func everyNameIsFree(_ flags: [String]) throws {
    let own = Self.names.map { "struct \($0) { var isOwn = true }\n" }.joined()
    let uses = "let all = [\(Self.names.map { "\($0)().isOwn" }.joined(separator: ", "))]\n"
    let program = """
      func network(_ b: GraphBuilder) throws -> Graph {
        let x = try b.parameter("x", .f32, ["batch", 4])
        let w = try b.variable("w", .f32, [4, 4], .glorotUniform)
        let y = try -(x.matmul(w).relu() * 2 + x) / 3
        return try b.build([concatenate([1 - y, x], axis: -1).softmax()])
      }
      func model() throws -> Sequential {
        let padding: Padding = .same
        return try Sequential(input: [8, 8, 1]) { Conv2D(4, kernelSize: 3, padding: padding) }
      }
      """
    #expect(try errors(own + uses + program, flags: flags) == [])
  }

  /// Without such types the names are unknown, but for layers.
  @Test func noOperatorTypeIsVisible() throws {
    let uses = Self.names.map { "  _ = \($0).self\n" }.joined()
    let errors = try errors("func use() {\n\(uses)}\n")
    let visible = Self.names.filter { name in !errors.contains { $0.hasSuffix("cannot find '\(name)' in scope") } }
    #expect(visible.count < 20, "\(visible)")
    // Slice is Swift's own.
    let layers = visible.filter { $0 != "Slice" }
    #expect(layers.contains("Dropout"))
    let list = layers.map { "\($0).self" }.joined(separator: ", ")
    #expect(try self.errors("let layers: [any ModelLayer.Type] = [\(list)]\n") == [])
  }
}
