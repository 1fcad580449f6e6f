import ApusCore
import ApusGraph

/// Makes a failing graph small: what is left has nothing that can go without the failure going.
///
/// Halves first, as delta debugging does (Zeller and Hildebrandt 2002): fewer results, the shortest part of the graph from
/// its beginning, then from its end, found by binary search. Then node by node: a node becomes a parameter, a constant or
/// one of its operands, a region is inlined, sizes shrink. Each candidate is a graph that keeps the verifier's rules.
public struct GraphReducer {
  /// Whether a case still shows the failure.
  public let fails: (GraphCase) throws -> Bool
  /// The most cases to try.
  public var limit = 600
  /// After so long the smallest case that was found is taken; nil: any time.
  public var time: Duration?
  /// Told of each smaller case.
  public var progress: ((GraphCase) -> Void)?

  public init(_ fails: @escaping (GraphCase) throws -> Bool) { self.fails = fails }

  /// The smallest case that was found.
  /// - Parameter item: shows the failure.
  /// - Throws: what `fails` throws.
  public func reduced(_ item: GraphCase) throws -> GraphCase {
    var run = Reduction(reducer: self, best: item)
    try run.keepFewResults()
    try run.shortenEnd()
    try run.shortenBeginning()
    var isSmaller = true
    while isSmaller, !run.isOver {
      isSmaller = false
      // Not `||`: every step takes its turn.
      for step in Reduction.steps where try step(&run) { isSmaller = true }
    }
    try run.fillInputs()
    _ = try run.attempt { $0.renamed() }
    return run.best
  }
}

/// One reduction, and the smallest case so far.
private struct Reduction {
  let reducer: GraphReducer
  var best: GraphCase
  private var tries = 0
  private let start = ContinuousClock.now

  init(reducer: GraphReducer, best: GraphCase) { (self.reducer, self.best) = (reducer, best) }

  var isOver: Bool {
    tries >= reducer.limit || reducer.time.map { ContinuousClock.now - start > $0 } ?? false
  }

  /// Takes a candidate if it is a sound graph and shows the failure.
  mutating func attempt(_ make: (GraphCase) throws -> GraphCase?) throws -> Bool {
    guard !isOver, let candidate = try? make(best), candidate.graph != best.graph || candidate.values != best.values,
      candidate.graph.violations().isEmpty
    else { return false }
    tries += 1
    guard try reducer.fails(candidate) else { return false }
    best = candidate
    reducer.progress?(candidate)
    return true
  }

  // MARK: Halves

  mutating func keepFewResults() throws {
    let graph = best.graph
    guard graph.outputs.count + graph.updates.count > 1 else { return }
    for output in graph.outputs where try attempt({ try $0.keeping(outputs: [output]) }) { return }
    for update in graph.updates where try attempt({ try $0.keeping(outputs: [update.value]) }) { return }
    _ = try dropResults()
  }

  /// Drops outputs and updates one by one.
  mutating func dropResults() throws -> Bool {
    var isSmaller = false
    var position = best.graph.outputs.count + best.graph.updates.count - 1
    while position >= 0, best.graph.outputs.count + best.graph.updates.count > 1 {
      let found = try attempt { item in
        var (outputs, updates) = (item.graph.outputs, item.graph.updates)
        if position < outputs.count {
          outputs.remove(at: position)
        } else {
          updates.remove(at: position - outputs.count)
        }
        return try item.keeping(outputs: outputs, updates: updates)
      }
      isSmaller = isSmaller || found
      position -= 1
    }
    return isSmaller
  }

  /// The shortest part from the graph's beginning that fails.
  mutating func shortenEnd() throws {
    var (good, bad) = (0, best.graph.nodes.count)
    let whole = best
    while bad - good > 1, !isOver {
      let middle = (good + bad) / 2
      if try attempt({ _ in try whole.ending(before: middle) }) { bad = middle } else { good = middle }
    }
  }

  /// The shortest part up to the graph's end that fails.
  mutating func shortenBeginning() throws {
    let whole = best
    var (bad, good) = (0, whole.graph.nodes.count)
    while good - bad > 1, !isOver {
      let middle = (good + bad) / 2
      if try attempt({ _ in try whole.beginning(at: middle) }) { bad = middle } else { good = middle }
    }
  }

  // MARK: One by one

  /// What is repeated until nothing helps any more; each says whether it made the case smaller.
  static var steps: [(inout Reduction) throws -> Bool] {
    [
      { try $0.chooseResult() }, { try $0.cutNodes() }, { try $0.bypassNodes() }, { try $0.fixNodes() },
      { try $0.openRegions() }, { try $0.shrinkSizes() },
    ]
  }

  mutating func chooseResult() throws -> Bool {
    if best.graph.outputs.count + best.graph.updates.count <= 1 { return false }
    for output in best.graph.outputs where try attempt({ try $0.keeping(outputs: [output]) }) { return true }
    return try dropResults()
  }

  /// Walks over the nodes, those near the outputs first: cutting there removes most.
  private mutating func eachNode(_ visit: (inout Reduction, Int) throws -> Bool) rethrows -> Bool {
    var isSmaller = false
    var position = best.graph.nodes.count - 1
    while position >= 0, !isOver {
      if position < best.graph.nodes.count, try visit(&self, position) { isSmaller = true }
      position = min(position, best.graph.nodes.count) - 1
    }
    return isSmaller
  }

  mutating func cutNodes() throws -> Bool {
    try eachNode { run, position in
      run.best.graph.nodes[position].op.traits.contains(.declaration)
        ? false : try run.attempt { try $0.cutting([position]) }
    }
  }

  mutating func bypassNodes() throws -> Bool {
    try eachNode { run, position in
      for operand in run.best.graph.nodes[position].operands.indices
      where try run.attempt({ try $0.bypassing(position, operand) }) { return true }
      return false
    }
  }

  /// What cannot be a parameter, as a position that must be in range, may be a constant.
  mutating func fixNodes() throws -> Bool {
    try eachNode { run, position in
      for number in [0.0, 1] {
        if try run.attempt({ try $0.fixing(position, at: number) }) { return true }
        if try run.attempt({ try $0.flattening(position, at: number) }) { return true }
      }
      return false
    }
  }

  mutating func openRegions() throws -> Bool {
    for (position, node) in best.graph.nodes.enumerated() {
      for region in node.regions.indices where try attempt({ try $0.inlining(position, region: region) }) {
        return true
      }
    }
    for place in best.regionNodes where try attempt({ try $0.bypassingInRegion(place) }) { return true }
    return false
  }

  mutating func shrinkSizes() throws -> Bool {
    var isSmaller = false
    for size in best.sizes {
      for smaller in [0, 1, 2, 3, size / 2, size - 1] where smaller < size {
        if try attempt({ try $0.resized(size, to: smaller) }) {
          isSmaller = true
          break
        }
      }
    }
    return isSmaller
  }

  mutating func fillInputs() throws {
    for name in best.values.keys.sorted() {
      for number in [0.0, 1] where try attempt({ try $0.filling(name, number) }) { break }
    }
  }
}
