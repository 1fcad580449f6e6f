import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Runs a deep network on a few samples of a large batch at a time: a layer's results are read by the next layer while they
/// are in the caches, and memory is needed for those few samples only.
///
/// What treats each sample by itself (`Operator.forSamples`) becomes the body of a `scan` over parts of the batch. What comes
/// before it (weights) is passed in, and what mixes samples (a mean over the batch) follows on the stacked results. Layers
/// with large weights for little arithmetic, as dense ones, follow too: they would read their weights for each part.
///
/// The same as the body computes for so few samples: a kernel may round otherwise for another number of samples.
public struct SplitBatch: Pass {
  /// How many samples are computed at a time; 0: as the caches say.
  public var samples = 0
  /// Whose caches.
  public var processor = ProcessorModel.zen4

  public static let record = PassRecord(
    "split-batch", "runs deep networks on a few samples of a large batch at a time, so that results stay in the caches",
    options: [option("samples", \.samples, "samples at a time; 0: as the caches say, if at all")],
    statistics: [
      PassStatistic("split", "batches computed in parts"), PassStatistic("nodes", "nodes that are computed in parts"),
    ], precision: .rounded)

  public init() {}
  public init(processor: ProcessorModel) { self.processor = processor }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    // While training, what a layer computes is read again by its gradient, long after it has left the caches.
    guard graph.updates.isEmpty, graph.symbols.isEmpty, let batch = batch(graph),
      samples > 0 || mayLeaveCache(graph, batch)
    else { return graph }
    let apart = SampleSplit(graph, batch: batch, processor: samples == 0 ? processor : nil)
    guard apart.computes, let count = samples == 0 ? apart.samplesThatFit(processor) : samples else { return graph }
    guard (1..<batch).contains(count), batch.isMultiple(of: count) else {
      context.missed("a batch of \(batch) samples cannot be computed \(count) at a time")
      return graph
    }
    guard context.permits() else { return graph }
    context.count("split")
    context.count("nodes", apart.nodes.count)
    context.applied("\(apart.nodes.count) nodes are computed for \(count) of \(batch) samples at a time")
    return try apart.split(into: count).withoutDeadNodes()
  }

  /// The leading axis of the first input that has more than one sample.
  private func batch(_ graph: Graph) -> Int? {
    graph.parameters.lazy.compactMap { graph.type(of: $0).shape.dims.first?.number }.first { $0 > 1 }
  }

  /// Whether a node may be one for whose sake batches are split. Most graphs have none, and need not be looked at further.
  private func mayLeaveCache(_ graph: Graph, _ batch: Int) -> Bool {
    graph.nodes.contains { node in
      let bytes = graph.bytesOfASample(node, batch) { graph.type(of: $0).shape.dims.first == .number(batch) }
      return SampleSplit.isLarge(bytes, batch, processor)
    }
  }
}

extension Graph {
  /// Bytes that a node reads and writes for one sample of a batch.
  fileprivate func bytesOfASample(_ node: Node, _ batch: Int, where hasSamples: (ValueID) -> Bool) -> Int {
    (node.operands + node.results).reduce(0) { sum, id in
      hasSamples(id) ? sum.addingSaturated((type(of: id).byteCount ?? 0) / batch) : sum
    }
  }
}

/// The nodes of a graph that treat each sample of a batch by itself.
private struct SampleSplit {
  let graph: Graph
  let batch: Int
  /// In the graph's order.
  private(set) var nodes: [Node] = []
  /// By value: of what the nodes compute, and of inputs that have samples, the type with a symbol for the samples.
  private var types: [TensorType?]
  private let live: [Bool]
  /// By value: whether it follows from what the nodes compute, and is not computed by them.
  private var comesAfter: [Bool]

  /// Whether there is anything but views of the inputs.
  var computes: Bool { nodes.contains { !$0.op.traits.contains(.movesData) } }

  private static let symbol = Dim.symbol("samples")

  /// - Parameter processor: nil: layers with large weights are taken, too.
  init(_ graph: Graph, batch: Int, processor: ProcessorModel?) {
    (self.graph, self.batch, live) = (graph, batch, graph.liveNodes())
    types = [TensorType?](repeating: nil, count: graph.valueCount)
    comesAfter = [Bool](repeating: false, count: graph.valueCount)
    for id in graph.parameters where graph.type(of: id).shape.dims.first == .number(batch) {
      types[id.index] = SampleSplit.with(SampleSplit.symbol, graph.type(of: id))
    }
    for node in graph.nodes where live[node.id.index] && !node.operands.isEmpty {
      let hasSamples = node.operands.map { types[$0.index] != nil }
      let isAfter = node.operands.contains { comesAfter[$0.index] }
      if !isAfter, !hasSamples.contains(true) { continue }
      if !isAfter, let results = typesBySamples(of: node),
        processor.map({ reuses(node, hasSamples, $0) }) ?? true
      {
        for (id, type) in zip(node.results, results) { types[id.index] = type }
        nodes.append(node)
      } else {
        for id in node.results { comesAfter[id.index] = true }
      }
    }
  }

  private static func with(_ count: Dim, _ type: TensorType) -> TensorType {
    type.with(shape: Shape([count] + type.shape.dims.dropFirst()))
  }

  private func op(of node: Node, for count: Dim) -> (any Operator)? {
    node.op.forSamples(
      count, graph.operandTypes(of: node), hasSamples: node.operands.map { types[$0.index] != nil })
  }

  /// The types of a node's results with a symbol for the samples; nil if it does not treat each by itself.
  private func typesBySamples(of node: Node) -> [TensorType]? {
    guard node.regions.isEmpty, let op = op(of: node, for: Self.symbol) else { return nil }
    let operands = node.operands.map { types[$0.index] ?? graph.type(of: $0) }
    guard let results = try? op.resultTypes(operands, []) else { return nil }
    for (type, id) in zip(results, node.results) {
      guard type.shape.dims.first == Self.symbol, type.shape.dims.dropFirst().allSatisfy({ $0.number != nil }),
        Self.with(.number(batch), type) == graph.type(of: id)
      else { return nil }
    }
    return results
  }

  /// Whether a node computes enough with each of its weights for one sample.
  private func reuses(_ node: Node, _ hasSamples: [Bool], _ processor: ProcessorModel) -> Bool {
    let weights = zip(node.operands, hasSamples).reduce(0) { $1.1 ? $0 : $0 + (graph.type(of: $1.0).byteCount ?? 0) }
    return weights <= processor.secondCache.bytes / 4 || flopCount(node) / batch >= Self.leastReuse * weights
  }

  /// Operations for each byte of weights below which reading them takes longer than computing with them.
  private static let leastReuse = 8

  private func flopCount(_ node: Node) -> Int {
    node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions)
  }

  /// How many samples are best computed at a time: as many as leave what a layer reads and writes in the second cache, one
  /// at least; nil if the whole batch is best.
  func samplesThatFit(_ processor: ProcessorModel) -> Int? {
    let largest = nodes.map { graph.bytesOfASample($0, batch) { types[$0.index] != nil } }.max() ?? 0
    guard SampleSplit.isLarge(largest, batch, processor) else { return nil }
    let work = nodes.reduce(0) { $0.addingSaturated(flopCount($1)) } / batch
    // Steps of the body, each of which is shared and ends with a barrier.
    let steps = nodes.count { $0.op.traits.contains(.contraction) }
    let perCycle = 2 * Int(processor.multiplyAddsPerCycle) * processor.floatLanes * processor.cores
    guard steps > 1, work / perCycle >= Self.leastWork * steps * processor.sharingCycles else { return nil }
    let most = min(batch, max(1, processor.secondCache.bytes / largest))
    return (1...most).last { batch.isMultiple(of: $0) }
  }

  /// Whether a node that reads and writes so many bytes for a sample leaves the second cache. Where a sample is small, a
  /// batch that does so costs less than many small launches do.
  static func isLarge(_ bytes: Int, _ batch: Int, _ processor: ProcessorModel) -> Bool {
    let cache = processor.secondCache.bytes
    return bytes >= cache / 2 && bytes > 2 * cache / batch
  }

  /// How many times as long as a barrier a step takes at least for one sample, on average.
  private static let leastWork = 8

  /// The graph with a scan over parts of so many samples.
  func split(into count: Int) throws -> Graph {
    let computed = Set(nodes.map(\.id))
    var isRead = [Bool](repeating: false, count: graph.valueCount)
    for id in graph.outputs { isRead[id.index] = true }
    for node in graph.nodes where live[node.id.index] && !computed.contains(node.id) {
      for id in node.operands { isRead[id.index] = true }
    }
    let results = nodes.flatMap(\.results).filter { isRead[$0.index] }
    var inputs: [ValueID] = []
    var seen = Set(nodes.flatMap(\.results))
    for id in nodes.flatMap(\.operands) where seen.insert(id).inserted { inputs.append(id) }
    // Constants go along: inside a loop they are as good as outside, and numbers can be part of a kernel.
    let constants = inputs.filter { graph.producer(of: $0).op is Constant }
    inputs.removeAll(where: constants.contains)
    let sequences = inputs.filter { types[$0.index] != nil }
    let invariants = inputs.filter { types[$0.index] == nil }

    var rewriter = GraphRewriter(graph, sharingEqualNodes: false)
    func isAfter(_ node: Node) -> Bool { node.results.contains { comesAfter[$0.index] } }
    for node in graph.nodes where !computed.contains(node.id) && !isAfter(node) {
      if live[node.id.index] || node.operands.isEmpty { try rewriter.keep(node) }
    }
    let builder = rewriter.builder
    func value(_ id: ValueID) throws -> Value { builder.value(try rewriter.counterpart(of: id)) }
    let parts = [Dim.number(batch / count), .number(count)]
    let stacks = try builder.scan(
      sequences: sequences.map { try value($0).reshaped(Shape(parts + graph.type(of: $0).shape.dims.dropFirst())) },
      invariants: invariants.map(value)
    ) { _, elements, others in
      let arguments = Array(zip(sequences + invariants, elements + others))
      return ([], try body(arguments, constants, results, count))
    }
    for (id, stacked) in zip(results, stacks.outputs) {
      let whole = try stacked.reshaped(graph.type(of: id).shape)
      if let name = graph.name(of: id) { builder.name(whole, name) }
      rewriter.define(id, as: whole.id)
    }
    for node in graph.nodes where isAfter(node) { try rewriter.keep(node) }
    return try rewriter.finish()
  }

  /// The nodes on so many samples.
  private func body(
    _ arguments: [(id: ValueID, value: Value)], _ constants: [ValueID], _ results: [ValueID], _ count: Int
  ) throws -> [Value] {
    guard let builder = arguments.first?.value.builder else { throw ApusError.defect("split-batch: nothing is read") }
    var rewriter = GraphRewriter(
      graph, into: builder, counterparts: [ValueID?](repeating: nil, count: graph.valueCount))
    for (id, value) in arguments { rewriter.define(id, as: value.id) }
    for id in constants { try rewriter.keep(graph.producer(of: id)) }
    for node in nodes {
      guard let op = op(of: node, for: .number(count)) else {
        throw ApusError.defect("split-batch: \(node.op.name) treats samples by themselves for one number of them only")
      }
      let operands = try node.operands.map(rewriter.counterpart)
      try rewriter.define(
        node, as: builder.append(op, operands, names: graph.names(of: node), origin: node.origin))
    }
    return try results.map { builder.value(try rewriter.counterpart(of: $0)) }
  }
}
