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
      for (backend, level) in Self.settings {
        let place = "\(path): @\(situation.name), \(backend.name) -O\(level.rawValue)"
        try check(situation, lifted, feeds, backend, level, place)
        // Without inputs, the passes may compute all of it, which at -O0 none does.
        guard level.rawValue > 0 && !situation.isDifferentiated else { continue }
        try check(situation, Graph.parse(situation.text)[0], [], backend, level, place + ", as written")
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

  /// The page has a row for each graph, and a row for each situation that another test holds, which is there.
  @Test func thePageListsThem() throws {
    let page = try Repository.text("Docs/Situations.md")
    let tables = page.split(separator: "\n## ").dropFirst().joined(separator: "\n")
    var rows = Set(
      tables.split(separator: "\n").filter { $0.hasPrefix("| ") && $0.contains("](https://") }.map(String.init))
    for situation in try Situation.files.flatMap(Situation.load) {
      let link = "https://github.com/" + situation.source.replacing("#", with: "/issues/")
      let result = situation.message == nil ? "right" : "refused"
      let row = "| \(situation.title) | [\(situation.source)](\(link)) | \(result) | `\(situation.name)` |"
      #expect(rows.remove(row) != nil, "Docs/Situations.md lacks the row \(row): make.py writes it")
    }
    let suites = Repository.files(below: "Tests", ending: "Tests.swift")
    for row in rows {
      let test = try #require(row.firstMatch(of: #/`(?<suite>\w+)\.(?<function>\w+)` \|$/#), "\(row)")
      let files = suites.filter { $0.hasSuffix("/\(test.suite).swift") }
      let holds = try files.contains { try Repository.text($0).contains("func \(test.function)(") }
      #expect(holds, "there is no \(test.suite).\(test.function), which Docs/Situations.md names")
    }
  }

  private func check(
    _ situation: Situation, _ source: Graph, _ feeds: [Tensor], _ backend: any Backend, _ level: OptimizationLevel,
    _ place: String
  ) throws {
    var graph = try situation.mode.map(source.bound) ?? source
    if situation.isDifferentiated { graph = try graph.differentiated() }
    let session = Session(backend: backend, passes: .level(level))
    // Results keep the names that they were written with, whatever takes their place.
    let labels = source.outputs.map(source.label) + graph.outputs.dropFirst(source.outputs.count).map(graph.label)
    let names = labels.map { String($0.dropFirst()) }
    let outputs = try session.load(graph).run(feeds)
    for (name, right) in try situation.results() {
      let variable = name.hasPrefix("after/") ? String(name.dropFirst("after/".count)) : nil
      guard let result = variable.flatMap(session.value) ?? names.firstIndex(of: name).map({ outputs[$0] }) else {
        Issue.record("\(place): no result %\(name)")
        continue
      }
      let difference = difference(result, right, situation.tolerance)
      #expect(difference == nil, "\(place): %\(name) \(difference ?? "")")
    }
  }

  /// What is wrong with a result; nil if nothing is. Without a tolerance numbers are the same, the sign of zero included.
  private func difference(_ result: Tensor, _ right: Tensor, _ tolerance: Situation.Tolerance?) -> String? {
    guard result.type == right.type else { return "is a \(result.type), not a \(right.type)" }
    guard right.dtype.isFloating else {
      return result == right ? nil : "is \(result.doubles()), not \(right.doubles())"
    }
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
