import Apus
import Foundation
import TestSupport

/// A situation in which another framework went wrong, as a graph: a block of a file in Resources.
///
/// ```
/// // What is right, in a sentence
/// // owner/repository#number
/// graph @name() { … }
/// // CHECK: %y: f32[2] = [0, 1]
/// ```
///
/// Blank lines divide the blocks. `ERROR:` in place of `CHECK:` lines gives words of the refusal, `MODE:` a mode to bind to,
/// and `TOLERANCE: 1e-6` how far numbers may be off, relative to the right one (to the larger of it and 1 with `least 1`).
struct Situation: Sendable {
  let title: String
  let source: String
  let name: String
  /// The graph. Its inputs are constants that have names.
  let text: String
  /// Right results, as lines that declare constants. `gradient/x` is the derivative of the first result by %x, `after/v` the
  /// variable %v when the run is over.
  let expected: [String]
  let message: String?
  let mode: Mode?
  let tolerance: Tolerance?

  struct Tolerance: Sendable {
    var relative: Double
    var least: Double
  }

  static let files = Repository.files(below: "Tests/SituationTests/Resources", ending: ".graph")

  static func load(_ path: String) throws -> [Situation] {
    try Repository.text(path).split(separator: "\n\n").dropFirst().map { try Situation(String($0), path) }
  }

  private init(_ block: String, _ path: String) throws {
    let lines = block.split(separator: "\n").map(String.init)
    func values(_ key: String) -> [String] {
      lines.filter { $0.hasPrefix("// \(key): ") }.map { String($0.dropFirst(key.count + 5)) }
    }
    guard lines.count > 3, let name = block.firstMatch(of: #/\ngraph @(\w+)\(/#)?.1 else {
      throw ApusError.input("\(path): not a title, a source and a graph:\n\(block)")
    }
    title = String(lines[0].dropFirst(3))
    source = String(lines[1].dropFirst(3))
    self.name = String(name)
    text = lines.filter { !$0.hasPrefix("//") }.joined(separator: "\n") + "\n"
    expected = values("CHECK").map { "  " + $0.replacing(" = ", with: " = constant(", maxReplacements: 1) + ")" }
    message = values("ERROR").first
    mode = values("MODE").first.flatMap(Mode.init(rawValue:))
    tolerance = values("TOLERANCE").first.map { text in
      let numbers = text.split(separator: " ").compactMap { Double($0) }
      return Tolerance(relative: numbers[0], least: numbers.count > 1 ? numbers[1] : 0)
    }
    guard expected.isEmpty == (message != nil) else {
      throw ApusError.input("\(path): @\(name) has neither right results nor an error, or both")
    }
  }

  /// Whether derivatives are looked at.
  var isDifferentiated: Bool { expected.contains { $0.contains("%gradient/") } }

  /// The right results, by name.
  func results() throws -> [(name: String, tensor: Tensor)] { try Self.constants(expected) }

  /// The graph with its named constants as parameters, so that nothing can be computed before it runs, and what to feed.
  func withInputs() throws -> (graph: Graph, feeds: [Tensor]) {
    let declaration = #/  %[a-zA-Z]\w*: .* = constant\(.*\)/#
    let lines = text.split(separator: "\n").map(String.init)
    let constants = lines.filter { $0.wholeMatch(of: declaration) != nil }
    let header = constants.map { $0.prefix { $0 != "=" }.trimmingCharacters(in: .whitespaces) }
    let body = lines.dropFirst().filter { !constants.contains($0) }
    let feeds = try Self.constants(constants).map(\.tensor)
    let text = (["graph @\(name)(\(header.joined(separator: ", "))) {"] + body).joined(separator: "\n")
    return (try Graph.parse(text)[0], feeds)
  }

  /// The values of lines that declare constants.
  private static func constants(_ lines: [String]) throws -> [(name: String, tensor: Tensor)] {
    guard !lines.isEmpty else { return [] }
    let names = lines.map { String($0.dropFirst(3).prefix { $0 != ":" }) }
    let values = names.map { "%\($0)" }.joined(separator: ", ")
    let text = "graph @values() {\n\(lines.joined(separator: "\n"))\n  return \(values)\n}\n"
    let tensors = try InterpreterBackend().prepare(Graph.parse(text)[0]).run([], variables: []).outputs
    return Array(zip(names, tensors)).map { (name: $0, tensor: $1) }
  }
}
