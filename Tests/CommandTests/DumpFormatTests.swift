import Apus
import Foundation
import TestSupport
import Testing

/// `apus dump --format`: JSON of every stage obeys Docs/dump.schema.json, pages and other viewers' formats hold the graph.
@Suite struct DumpFormatTests {
  private static func dump(_ arguments: String...) throws -> String {
    let all = ["dump", Repository.file("Graphs/Models/mlp.graph").path, "--bind", "batch=2"] + arguments
    let result = try runProgram(arguments: all)
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  private static func object(_ text: String) throws -> Any { try JSONSerialization.jsonObject(with: Data(text.utf8)) }

  @Test(arguments: ["graph", "optimized", "kernels", "plan", "llvm", "asm"]) func jsonObeysItsSchema(_ stage: String)
    throws
  {
    let schema = try Schema(Self.object(Repository.text("Docs/dump.schema.json")))
    let document = try Self.object(Self.dump("--stage", stage, "--format", "json"))
    #expect(schema.faults(document) == [])
    let top = try #require(document as? [String: Any])
    #expect((top["graphs"] != nil) == ["graph", "optimized"].contains(stage))
    // The schema is strict: a field that it does not know is a fault.
    var wrong = top
    wrong["more"] = 1
    #expect(schema.faults(wrong) != [])
    wrong = top
    wrong["version"] = 2
    #expect(schema.faults(wrong) != [])
  }

  /// One document of all graphs of a file; of each the program of a run, then that which is run once before it.
  @Test func severalGraphsAreOneDocument() throws {
    let text = """
      graph @first(%x: f32[1, 14, 14, 32]) {
        %w: f32[3, 3, 32, 32] = variable(glorot_uniform)
        %y = convolution(%x, %w)
        return %y
      }
      graph @second(%x: f32[4]) {
        %y = exp(%x)
        return %y
      }
      """
    let result = try runProgram(
      arguments: ["dump", "-", "--stage", "plan", "--format", "json"], input: Array(text.utf8))
    #expect(result.status == 0, "\(result.errors)")
    let schema = try Schema(Self.object(Repository.text("Docs/dump.schema.json")))
    let document = try Self.object(result.output)
    #expect(schema.faults(document) == [])
    let programs = try #require((document as? [String: Any])?["programs"] as? [[String: Any]])
    let names = programs.compactMap { $0["name"] as? String }
    #expect(names.first == "first" && names.last == "second" && names.count == 3, "\(names)")
    // What is packed once follows the program that reads it.
    let places = programs.map { program in
      let buffers = (program["buffers"] as? [[String: Any]] ?? []).map { $0["place"] as? String ?? "" }
      let launches = program["launches"] as? [[String: Any]] ?? []
      return Set(launches.flatMap { $0["buffers"] as? [Int] ?? [] }.map { buffers[$0] })
    }
    #expect(places[0].contains("parameter") && !places[1].contains("parameter"), "\(places)")
  }

  @Test func constantsHaveTheirElements() throws {
    let document = try #require(Self.object(Self.dump("--format", "json")) as? [String: Any])
    let graph = try #require((document["graphs"] as? [[String: Any]])?.first)
    let constant = try #require((graph["nodes"] as? [[String: Any]])?.first { $0["op"] as? String == "constant" })
    #expect(constant["elements"] as? String == "0.003921569")
  }

  @Test func modelExplorerGetsEveryEdge() throws {
    let collections = try #require(
      Self.object(Self.dump("--stage", "optimized", "--format", "model-explorer")) as? [[String: Any]])
    let graphs = try #require(collections[0]["graphs"] as? [[String: Any]])
    let ids = Set(graphs.compactMap { $0["id"] as? String })
    #expect(graphs.count > 1 && ids.count == graphs.count, "regions are graphs")
    for graph in graphs {
      let nodes = try #require(graph["nodes"] as? [[String: Any]])
      let names = Set(nodes.compactMap { $0["id"] as? String })
      for node in nodes {
        for edge in node["incomingEdges"] as? [[String: Any]] ?? [] {
          #expect(names.contains(edge["sourceNodeId"] as? String ?? ""))
        }
        for region in node["subgraphIds"] as? [String] ?? [] { #expect(ids.contains(region)) }
        #expect(node["namespace"] is String && node["label"] is String)
      }
    }
  }

  private static let hasGraphviz = FileManager.default.isExecutableFile(atPath: "/usr/bin/dot")

  @Test(.enabled(if: hasGraphviz)) func pagesAreWritten() throws {
    for stage in ["graph", "plan"] {
      let page = try Self.dump("--stage", stage, "--format", "html")
      #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("<title>mlp</title>"))
    }
  }
}

/// As much of JSON Schema as Docs/dump.schema.json uses.
private struct Schema {
  private let root: [String: Any]

  init(_ root: Any) throws { self.root = try #require(root as? [String: Any]) }

  func faults(_ value: Any) -> [String] { faults(value, root, at: "") }

  private func faults(_ value: Any, _ schema: [String: Any], at path: String) -> [String] {
    if let reference = schema["$ref"] as? String {
      let definitions = root["$defs"] as? [String: [String: Any]]
      guard let found = definitions?[String(reference.dropFirst("#/$defs/".count))] else {
        return ["\(path): \(reference)"]
      }
      return faults(value, found, at: path)
    }
    if let options = schema["oneOf"] as? [[String: Any]] {
      let results = options.map { faults(value, $0, at: path) }
      return results.count(where: \.isEmpty) == 1 ? [] : results.min { $0.count < $1.count } ?? []
    }
    if let constant = schema["const"] as? Int { return value as? Int == constant ? [] : ["\(path) is not \(constant)"] }
    if let words = schema["enum"] as? [String] {
      return words.contains(value as? String ?? "") ? [] : ["\(path): \(value)"]
    }
    let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] } ?? []
    guard types.contains(where: { Self.has(value, $0) }) else { return ["\(path) is no \(types)"] }
    if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
      return list.enumerated().flatMap { faults($1, items, at: "\(path)[\($0)]") }
    }
    guard let object = value as? [String: Any] else { return [] }
    let known = schema["properties"] as? [String: [String: Any]] ?? [:]
    var found = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(path) lacks \($0)" }
    for (name, part) in object {
      if let schema = known[name] ?? schema["additionalProperties"] as? [String: Any] {
        found += faults(part, schema, at: "\(path).\(name)")
      } else {
        found.append("\(path) has the unknown field \(name)")
      }
    }
    return found
  }

  private static func has(_ value: Any, _ type: String) -> Bool {
    switch type {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "integer": value is Int
    case "boolean": value is Bool
    default: false
    }
  }
}
