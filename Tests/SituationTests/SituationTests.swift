import Apus
import ApusNative
import Foundation
import TestSupport
import Testing

/// Situations in which other frameworks gave wrong values, wrong shapes or no answer: the interpreter and native code give
/// the right one, before and after the passes, or refuse the graph in words that say why.
@Suite struct SituationTests {
  /// Who runs a graph, and how much the passes do.
  private static let settings: [(backend: any Backend, level: OptimizationLevel)] = {
    let backends: [any Backend] = [InterpreterBackend(), NativeBackend(workers: 2)]
    return backends.flatMap { backend in
      [0, 3].compactMap(OptimizationLevel.init(rawValue:)).map { (backend, $0) }
    }
  }()

  @Test func thereAreManyFromManyThreads() throws {
    let all = try Situation.files.flatMap(Situation.load)
    #expect(all.count >= 150 && Set(all.map(\.source)).count >= 150)
    #expect(Set(all.map(\.name)).count == all.count)
    #expect(all.allSatisfy { $0.source.wholeMatch(of: #/[\w.-]+/[\w.-]+#\d+/#) != nil })
  }

  @Test(arguments: Situation.files) func resultsAreRight(_ path: String) throws {
    for situation in try Situation.load(path) where situation.message == nil {
      let (lifted, feeds) = try situation.withInputs()
      var forms = [("with inputs", lifted, feeds)]
      if !situation.isDifferentiated { forms.append(("as written", try Graph.parse(situation.text)[0], [])) }
      for (form, graph, feeds) in forms {
        for (backend, level) in Self.settings {
          let place = "\(path): @\(situation.name), \(form), \(backend.name) -O\(level.rawValue)"
          try check(situation, graph, feeds, backend, level, place)
        }
      }
    }
  }

  @Test(arguments: Situation.files) func refusalsSayWhy(_ path: String) throws {
    for situation in try Situation.load(path) {
      guard let message = situation.message else { continue }
      for (backend, level) in Self.settings {
        expectError(message) {
          let graph = try situation.mode.map(Graph.parse(situation.text)[0].bound) ?? Graph.parse(situation.text)[0]
          return try backend.compile(graph, passes: .level(level)).run([], variables: []).outputs
        }
      }
    }
  }

  private func check(
    _ situation: Situation, _ graph: Graph, _ feeds: [Tensor], _ backend: any Backend, _ level: OptimizationLevel,
    _ place: String
  ) throws {
    var graph = try situation.mode.map(graph.bound) ?? graph
    if situation.isDifferentiated { graph = try graph.differentiated() }
    let variables = try graph.variables.map {
      try Tensor(zeros: graph.type(of: $0.id).dtype, graph.type(of: $0.id).shape.numbers ?? [])
    }
    let names = graph.outputs.map { String(graph.label(of: $0).dropFirst()) }
    let outputs = try backend.compile(graph, passes: .level(level)).run(feeds, variables: variables).outputs
    for (name, right) in try situation.results() {
      guard let position = names.firstIndex(of: name) else {
        Issue.record("\(place): no result %\(name)")
        continue
      }
      let difference = difference(outputs[position], right, situation.tolerance)
      #expect(difference == nil, "\(place): %\(name) \(difference ?? "")")
    }
  }

  /// What is wrong with a result; nil if nothing is. Without a tolerance numbers are the same, the sign of zero included.
  private func difference(_ result: Tensor, _ right: Tensor, _ tolerance: Situation.Tolerance?) -> String? {
    guard result.type == right.type else { return "is a \(result.type), not a \(right.type)" }
    guard right.dtype.isFloating else { return result == right ? nil : "is \(result.doubles()), not \(right.doubles())" }
    for (position, (a, b)) in zip(result.doubles(), right.doubles()).enumerated() {
      let agrees =
        if let tolerance, a.isFinite, b.isFinite {
          abs(a - b) <= tolerance.relative * max(tolerance.least, b == 0 ? 1 : abs(b))
        } else { a.isNaN && b.isNaN || a == b && (a.sign == b.sign || tolerance != nil) }
      if !agrees { return "is \(a) at position \(position), not \(b)" }
    }
    return nil
  }
}
