import ApusGraph
import ApusInspection
import ApusPasses

/// Shows what a pass did rewrite by rewrite.
///
/// Nothing is recorded while a pass runs. It is run again with each number of rewrites that it may make
/// (`PassContext.permits`), and each result is compared with the one before. A pass that walks over the graph merges equal
/// nodes on its way, with its first rewrite: that is a step of its own, of number 0.
struct RewriteSteps {
  /// How many nodes the graphs between rewrites may have together. What is left then is shown as one step.
  var nodeLimit = 60_000

  /// - Parameters:
  ///   - pass: that was run.
  ///   - report: of that run.
  /// - Returns: a step for each rewrite that can be told from the others; none if the pass changed nothing.
  func steps(of pass: any Pass, _ report: PassReport) -> [Report.RewriteStep] {
    guard report.changed else { return [] }
    let count = min(report.rewrites, max(1, nodeLimit / max(1, report.before.nodes.count)))
    let says = report.remarks.contains { $0.kind == .applied }
    var trail = StepTrail(report.before)
    for number in 1..<max(1, count) {
      // What the pipeline refuses of a faulty pass becomes a part of the next step.
      guard let partial = try? Pipeline([pass]).run(report.before, rewriteLimit: number, remarking: says) else {
        continue
      }
      trail.append(partial.graph, number, partial.reports.first)
    }
    trail.append(report.after, max(1, report.rewrites), report)
    return trail.steps
  }

  /// One rewrite of a pass, with all its texts: it is for graphs that need not be stages of the page.
  /// - Parameters:
  ///   - number: of the rewrite, from 1.
  ///   - graph: what the pass was given.
  /// - Returns: nil if the pipeline refuses what the pass makes.
  static func step(_ number: Int, of pass: any Pass, on graph: Graph) -> Report.RewriteStep? {
    var trail = StepTrail(graph, keepsTexts: true)
    for limit in max(1, number - 1)...number {
      guard let result = try? Pipeline([pass]).run(graph, rewriteLimit: limit) else { return nil }
      trail.append(result.graph, limit, result.reports.first)
    }
    return trail.steps.last
  }
}

/// Graphs from before a pass to after it, and what became of their nodes from each to the next.
private struct StepTrail {
  /// What a step has of its remarks: if it is thousands of rewrites, the pass has them all.
  private static let mostRemarks = 20

  /// The number of the last rewrite of each step, and what it changed.
  private var stations: [(last: Int, rules: [Report.Rule], remarks: [String], change: StepChange)] = []
  private var graph: Graph
  private var said: [String: Int] = [:]
  private let first: Graph
  /// Whether lines have their texts even if these are in the stage that they lead to.
  private let keepsTexts: Bool

  init(_ graph: Graph, keepsTexts: Bool = false) {
    (self.graph, first, self.keepsTexts) = (graph, graph, keepsTexts)
  }

  /// - Parameters:
  ///   - last: how many rewrites led to the graph.
  ///   - run: the run that made them.
  mutating func append(_ next: Graph, _ last: Int, _ run: PassReport?) {
    // Of what a pass says after so many rewrites, this is new.
    var left = said
    let applied = (run?.remarks ?? []).filter { $0.kind == .applied }.map(\.message)
    let new = applied.filter { message in
      guard let count = left[message], count > 0 else { return true }
      left[message] = count - 1
      return false
    }
    said = Dictionary(applied.map { ($0, 1) }, uniquingKeysWith: +)
    var change = StepChange(graph, next)
    if stations.isEmpty, let merged = try? graph.rewritten({ _, _, _ in .keep }).withoutDeadNodes(), merged != graph {
      let rest = StepChange(merged, next)
      if rest.size < change.size {
        stations.append((0, [], [], StepChange(graph, merged)))
        change = rest
      }
    }
    let rules = (run?.rewriteRules ?? []).prefix(last).dropFirst(stations.last?.last ?? 0).joined()
    var known = Set<RewriteRule>()
    let distinct = rules.filter { known.insert($0).inserted }
    stations.append((last, distinct.map(Report.Rule.init), Array(new.prefix(Self.mostRemarks)), change))
    graph = next
  }

  /// Where a node is, seen from a step: in the stage before or after the pass, or at another step.
  private enum Place {
    case stage(Int)
    case step(Int)

    var node: Int? { if case .stage(let position) = self { position } else { nil } }
    var step: Int? { if case .step(let position) = self { position } else { nil } }
  }

  /// For each graph and each of its nodes, what it was before the pass, or which step made it.
  private var origins: [[Place]] {
    var all = [first.nodes.indices.map(Place.stage)]
    for (step, station) in stations.enumerated() {
      all.append(
        station.change.new.nodes.indices.map { node in
          station.change.keptOld(node).map { all[step][$0] } ?? .step(step)
        })
    }
    return all
  }

  /// For each graph and each of its nodes, what it is after the pass, or which step takes it away.
  private var destinations: [[Place]] {
    var all = [graph.nodes.indices.map(Place.stage)]
    for (step, station) in stations.enumerated().reversed() {
      let later = all[all.count - 1]
      all.append(
        station.change.old.nodes.indices.map { node in
          station.change.keptNew(node).map { later[$0] } ?? .step(step)
        })
    }
    return all.reversed()
  }

  var steps: [Report.RewriteStep] {
    let (origins, destinations) = (origins, destinations)
    var earlier = 0
    return stations.enumerated().map { step, station in
      let change = station.change
      let removed = change.removed.map { line($0, isAdded: false, origins[step][$0.node], in: first) }
      let added = change.added.map { line($0, isAdded: true, destinations[step + 1][$0.node], in: graph) }
      defer { earlier = station.last }
      return Report.RewriteStep(
        first: min(earlier + 1, station.last), last: station.last, rules: station.rules,
        remarks: station.remarks,
        details: change.details, lines: removed + added)
    }
  }

  private func line(_ line: StepChange.Line, isAdded: Bool, _ place: Place, in stage: Graph) -> Report.StepLine {
    let isAsInStage =
      !keepsTexts && line.path.isEmpty && place.node.map { stage.line(of: stage.nodes[$0]) == line.text } ?? false
    return Report.StepLine(
      isAdded: isAdded, text: isAsInStage ? nil : line.text, node: place.node, step: place.step,
      path: line.path.isEmpty ? nil : line.path)
  }
}

extension Report.Rule {
  init(_ rule: RewriteRule) {
    self.init(name: rule.name, law: rule.law, precision: "\(rule.precision)")
  }
}
