import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Under a limit of memory: computes cheap values again near their last readers, instead of keeping them from the
/// forward to the backward pass.
///
/// Estimated is what is in memory while each node is computed. Wherever that is above the limit, most first:
/// 1. What is in memory there, was computed before, and follows by cheap nodes from what is kept anyway, is a candidate.
///    Cheap is what takes at most 16 operations for each element of its result, and is neither random nor a loop or
///    branch: so no product and no sum of many elements is.
/// 2. The candidate that frees most bytes for an operation comes first. Its nodes are copied right before its first
///    reader from there on, and all its later readers read the copies.
/// 3. A copy that does not lower the highest of the numbers that it changes is taken back, and the next candidate tried.
///
/// Copies read what they are computed from through `control_dependency` on a value that comes after the original: so no
/// pass merges them with the originals, and `fuse`, which must run next, cannot gather them into the originals' nest. That
/// pass's nests say which values are in memory.
public struct Rematerialize: Pass {
  /// The most bytes that may be in memory at once; 0: any number.
  public var limit = 0
  /// How many nodes the graphs that are tried may have, together: some ten seconds of them. It is a number of nodes, not a
  /// time, so that the same graph becomes the same graph on every machine.
  public var budget = 1 << 20
  /// The bytes that a graph really takes once it is planned: packed operands and gaps between buffers are not in the
  /// estimate. Where those are too much for the limit, the pass aims lower.
  var measure: (@Sendable (Graph) throws -> Int)?

  public static let record = PassRecord(
    "rematerialize", "computes cheap values again near late readers where memory is short",
    options: [
      option("limit", \.limit, "bytes that may be in memory at once, estimated; 0: any number"),
      option("budget", \.budget, "nodes of all graphs that are tried; then it stops, and says so"),
    ],
    statistics: [
      PassStatistic("recomputed", "nodes computed again, or later"),
      PassStatistic("saved", "bytes that the peak was lowered by"),
      PassStatistic("flops", "arithmetic operations added"),
    ])

  public init() {}

  /// - Parameter measure: the bytes that a graph takes once it is planned.
  public init(limit: Int, measure: @escaping @Sendable (Graph) throws -> Int) {
    self.limit = limit
    self.measure = measure
  }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    if limit == 0 { return graph }
    guard let measure, graph.symbols.isEmpty else { return try lowered(graph, to: limit, &context) }
    let plain = try measure(graph)
    if plain <= limit { return graph }
    var best = (graph: graph, bytes: plain, context: context)
    var target = limit
    for trial in 1...Rematerialize.mostTrials {
      // What the estimate does not see may be so much that only the least that is possible fits.
      if trial == Rematerialize.mostTrials { target = 1 }
      var next = context
      let tried = try lowered(graph, to: max(1, target), &next)
      let bytes = try measure(tried)
      if bytes < best.bytes { best = (tried, bytes, next) }
      if bytes <= limit { break }
      // A little below what the last trial suggests, so that the next is likely to fit.
      target = Int(Double(target) * Double(limit) / Double(bytes) * 0.98)
    }
    context = best.context
    return best.graph
  }

  /// What is less than this part of the peak is not worth nodes. A number for each step, such as the factor of Adam's updates,
  /// is computed from a counter, whose next value would have to wait for the last of its readers.
  fileprivate static let leastShare = 1024

  /// How often a lower limit is tried: each time the graph is planned anew.
  private static let mostTrials = 4

  /// The graph whose estimated peak is at or below the limit, or as near to it as cheap nodes allow.
  private func lowered(_ graph: Graph, to limit: Int, _ context: inout PassContext) throws -> Graph {
    var state = try RematerializationState(graph.withoutDeadNodes())
    if state.peak <= limit { return graph }
    if let symbol = graph.symbols.first {
      context.missed("nothing is computed again: the size '\(symbol)' is not known yet")
      return graph
    }
    let before = state.peak
    var (flops, count) = (0, 0)
    var left = budget
    // What was tried in vain before the last success is tried again only when nothing else is left.
    var rejected: Set<String> = []
    while state.peak > limit, left > 0 {
      let isComplete = rejected.isEmpty
      if let (copy, next) = try state.step(limit, &rejected, &left) {
        guard context.permits() else { break }
        // None where all readers come late: then nothing is computed twice.
        let added = next.graph.flopCount - state.graph.flopCount
        context.applied(
          "\(copy.label) is computed right before \(copy.reader): its \(copy.bytes) bytes are not kept until then, for "
            + "\(added) operations more", at: copy.node)
        count += copy.nodes.count
        flops += added
        state = next
      } else if isComplete {
        break
      } else {
        rejected = []
      }
    }
    context.count("recomputed", count)
    context.count("saved", before - state.peak)
    context.count("flops", flops)
    if count > 0 {
      context.applied("\(state.peak) bytes at the peak instead of \(before), for \(flops) operations more")
    }
    if state.peak > limit, left <= 0 {
      context.missed(
        "the limit of \(limit) bytes is not met: \(state.peak) are needed at \(state.peakLabel), and the budget of "
          + "\(budget) nodes to try is used up")
    } else if state.peak > limit {
      context.missed(
        "the limit of \(limit) bytes cannot be met: \(state.peak) are needed at \(state.peakLabel), where nothing that is "
          + "cheap to compute again would free more")
    }
    return count == 0 ? graph : state.graph
  }
}

/// A graph on the way, with what it keeps in memory once it has been gathered into nests.
private struct RematerializationState {
  let graph: Graph
  /// How the values were called when the pass began.
  let labels: [String]
  private let nested: NestedGraph
  private let memory: MemoryEstimate
  /// The place in the nested graph's order of each node.
  private var position: [Int]
  private let readers: [[NodeID]]

  var peak: Int { memory.peak }

  init(_ graph: Graph, labels: [String]? = nil) throws {
    self.graph = graph
    self.labels = labels ?? (0..<graph.valueCount).map { graph.label(of: ValueID($0)) }
    nested = try Fuse().nested(graph)
    memory = MemoryEstimate(nested.graph)
    position = [Int](repeating: 0, count: graph.nodes.count)
    for (place, members) in nested.members.enumerated() {
      for member in members { position[member.index] = place }
    }
    readers = graph.readers()
  }

  /// What is computed at the peak.
  var peakLabel: String {
    let node = graph.nodes[nested.members[memory.peakNode?.index ?? 0].last?.index ?? 0]
    return "\(node.op.name) \(labels[node.results[0].index])"
  }

  /// The bytes needed at each place above a limit, most first.
  private func heights(above limit: Int) -> [Int] { memory.liveBytes.filter { $0 > limit }.sorted(by: >) }

  /// The best candidate at the highest place that gains something, and the graph with it.
  /// - Parameters:
  ///   - rejected: not tried; what is tried in vain is added.
  ///   - left: how many nodes may still be tried.
  func step(
    _ limit: Int, _ rejected: inout Set<String>, _ left: inout Int
  ) throws -> (Recomputation, RematerializationState)? {
    let known = rejected
    var tried: Set<[Int]> = []
    let heights = heights(above: limit)
    let places = memory.liveBytes.indices.filter { memory.liveBytes[$0] > limit }
    for place in places.sorted(by: { (memory.liveBytes[$0], $1) > (memory.liveBytes[$1], $0) }) {
      let candidates = candidates(at: place).sorted { ($0.worth, $1.targets[0]) > ($1.worth, $0.targets[0]) }
      for candidate in candidates where !known.contains(candidate.key) {
        guard tried.insert([candidate.place] + candidate.targets.map(\.index)).inserted else { continue }
        guard left > 0 else { return nil }
        left -= graph.nodes.count
        if let next = try applying(candidate), next.peak <= peak,
          next.heights(above: limit).lexicographicallyPrecedes(heights)
        {
          return (candidate, next)
        }
        rejected.insert(candidate.key)
      }
    }
    return nil
  }

  // MARK: Candidates

  /// The buffer of the nested graph that a value lies in; nil if it is in no memory that counts.
  private func buffer(_ id: ValueID) -> ValueID? {
    guard let value = nested.values[id.index], memory.lastUse(of: value) != nil else { return nil }
    return memory.buffer[value.index]
  }

  private func lateReaders(_ id: ValueID, _ place: Int) -> [NodeID] {
    readers[id.index].filter { position[$0.index] >= place }
  }

  private func candidates(at place: Int) -> [Recomputation] {
    var groups: [ValueID: [ValueID]] = [:]
    for node in graph.nodes where position[node.id.index] < place {
      for result in node.results {
        if let buffer = buffer(result) { groups[buffer, default: []].append(result) }
      }
    }
    return groups.sorted { $0.key < $1.key }.compactMap { buffer, values in
      guard memory.lastUse(of: buffer)?.index ?? 0 >= place else { return nil }
      let targets = values.filter { !lateReaders($0, place).isEmpty }
      guard !targets.isEmpty else { return nil }
      let bytes = nested.graph.type(of: buffer).byteCount ?? 0
      if bytes < peak / Rematerialize.leastShare { return nil }
      return recomputation(of: targets, in: Set(values), at: place, bytes: bytes)
    }
  }

  /// Goes back from the targets to what is in memory anyway, through cheap nodes; nil if that frees nothing.
  private func recomputation(
    of targets: [ValueID], in group: Set<ValueID>, at place: Int, bytes: Int
  ) -> Recomputation? {
    let late = targets.flatMap { lateReaders($0, place) }
    var result = Recomputation(targets: targets, readers: Set(late), bytes: bytes)
    var seen: Set<NodeID> = []
    var pending = targets
    while let id = pending.popLast() {
      let node = graph.producer(of: id)
      guard seen.insert(node.id).inserted else { continue }
      guard isCheap(node), seen.count <= 256 else { return nil }
      result.nodes.append(node.id)
      result.flopCount += node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), [])
      for operand in inputs(of: node) where !result.leaves.contains(operand) {
        let isKept = isDeclared(operand) || isInMemory(operand, at: place)
        if !group.contains(operand), isKept || !isCheap(graph.producer(of: operand)) {
          result.leaves.insert(operand)
          if !isKept { result.extended += graph.type(of: operand).byteCount ?? 0 }
        } else {
          pending.append(operand)
        }
      }
    }
    guard result.bytes > result.extended, let target = targets.first,
      let reader = late.min(by: { position[$0.index] < position[$1.index] })
    else { return nil }
    result.nodes.sort { (position[$0.index], $0) < (position[$1.index], $1) }
    result.place = position[reader.index]
    result.node = graph.producer(of: target)
    result.label = "\(graph.producer(of: target).op.name) \(labels[target.index])"
    let last = graph.nodes[reader.index]
    result.reader = "\(last.op.name) \(labels[last.results[0].index])"
    return result
  }

  /// A value without the dependencies that only order it.
  private func origin(_ id: ValueID) -> ValueID {
    var id = id
    while graph.producer(of: id).op is ControlDependency { id = graph.producer(of: id).operands[0] }
    return id
  }

  /// What a node is computed from.
  private func inputs(of node: Node) -> [ValueID] {
    (node.op is ControlDependency ? [node.operands[0]] : node.operands).map(origin)
  }

  private func isDeclared(_ id: ValueID) -> Bool { graph.producer(of: id).op.traits.contains(.declaration) }

  private func isInMemory(_ id: ValueID, at place: Int) -> Bool {
    guard let value = nested.values[id.index] else { return false }
    return (memory.lastUse(of: value)?.index ?? -1) >= place
  }

  /// Few operations for each element, and the same result each time.
  private func isCheap(_ node: Node) -> Bool {
    guard node.results.count == 1, node.regions.isEmpty, node.op.asComposite == nil,
      node.op.traits.isDisjoint(with: [.random, .controlFlow, .declaration])
    else { return false }
    let flops = node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), [])
    return flops <= 16 * (graph.type(of: node.result).shape.elementCount ?? 0)
  }

  // MARK: The new graph

  /// The graph in the order of its nests, with copies before the first late reader; nil if nothing stands between the
  /// original and that.
  private func applying(_ copy: Recomputation) throws -> RematerializationState? {
    let (late, place) = (copy.readers, copy.place)
    let first = copy.targets.map { position[graph.producer(of: $0).id.index] }.max() ?? place
    guard let trigger = trigger(between: first, and: place) else { return nil }
    var rewriter = GraphRewriter(graph, sharingEqualNodes: false)
    let builder = rewriter.builder
    var labels: [String] = []
    var copies: [ValueID: ValueID] = [:]
    func copyAll() throws {
      for id in copy.nodes {
        let node = graph.nodes[id.index]
        let operands = try inputs(of: node).map { value in
          if let known = copies[value] { return known }
          let (leaf, producer) = (try rewriter.counterpart(of: value), graph.producer(of: value))
          if producer.op is Constant { return leaf }
          let after = try builder.append(
            ControlDependency(), [leaf, rewriter.counterpart(of: trigger)], origin: node.origin)[0]
          labels.append(self.labels[value.index])
          copies[value] = after
          return after
        }
        if node.op is ControlDependency {
          copies[node.result] = operands[0]
          continue
        }
        copies[node.result] = try builder.append(node.op, operands, origin: node.origin)[0]
        labels.append(self.labels[node.result.index])
      }
    }
    for (unit, members) in nested.members.enumerated() {
      if unit == place { try copyAll() }
      for id in members {
        let node = graph.nodes[id.index]
        let operands = try node.operands.map { operand in
          if late.contains(id), copy.targets.contains(operand), let copied = copies[operand] { return copied }
          return try rewriter.counterpart(of: operand)
        }
        try rewriter.keep(node, operands: operands)
        labels += node.results.map { self.labels[$0.index] }
      }
    }
    let result = try rewriter.finish()
    // An original whose readers all come late has none left.
    let live = result.liveNodes()
    let kept = labels.indices.filter { live[result.producer(of: ValueID($0)).id.index] }
    return try RematerializationState(result.withoutDeadNodes(), labels: kept.map { labels[$0] })
  }

  /// A value in memory that is computed between two places: the latest that is read at the second, else the latest.
  private func trigger(between first: Int, and place: Int) -> ValueID? {
    let read = Set(nested.graph.nodes[place].operands)
    var latest: ValueID?
    for unit in (0..<place).reversed() where unit > first {
      for node in nested.members[unit].map({ graph.nodes[$0.index] }) where !node.op.traits.contains(.declaration) {
        for result in node.results {
          guard let value = nested.values[result.index] else { continue }
          if read.contains(value) { return result }
          latest = latest ?? result
        }
      }
    }
    return latest
  }
}
