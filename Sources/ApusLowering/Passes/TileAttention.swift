import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Computes attention some rows of scores at a time, so that scores stay in the caches and are never stored as a whole.
///
/// A product of queries and keys, elementwise operators and reductions along its rows (a scale, a mask, softmax), and the
/// product with the values become loops: one for each axis of the batch that has several matrices, and one over blocks of
/// rows. Rows are whole: softmax is computed as it is written, not piece by piece.
///
/// In a softmax that subtracts the maximum, x / Σ of the exponentials x is divided out after the second product, which takes
/// a division for each result instead of one for each score (as in Dao 2023, FlashAttention-2, section 3.1). Each
/// product is then at most as many times as large as there are columns: that overflows where values are near the largest
/// number.
public struct TileAttention: Pass {
  /// How many rows of scores are computed at a time; 0: as the caches say.
  public var rows = 0
  /// Whose caches.
  public var processor = ProcessorModel.zen4

  public static let record = PassRecord(
    "tile-attention", "computes attention some rows of scores at a time, so that scores stay in the caches",
    options: [option("rows", \.rows, "rows at a time; 0: as the caches say, if at all")],
    statistics: [
      PassStatistic("tiled", "products of scores computed in parts"),
      PassStatistic("deferred", "divisions of scores that became divisions of results"),
    ], precision: .rounded)

  public init() {}
  public init(processor: ProcessorModel) { self.processor = processor }

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    let found = attentions(graph)
    guard !found.isEmpty else { return graph }
    var rewriter = GraphRewriter(graph, sharingEqualNodes: false)
    for node in graph.nodes {
      guard let (attention, rows) = found[node.id], context.permits() else {
        try rewriter.keep(node)
        continue
      }
      context.count("tiled")
      if attention.quotient != nil { context.count("deferred") }
      context.applied(
        "scores \(graph.type(of: attention.scores.result)) are computed \(rows) rows at a time", at: attention.scores)
      let operands = try attention.operands.map { read in
        (read: read, value: rewriter.builder.value(try rewriter.counterpart(of: read.id)))
      }
      let result = try attention.tiled(rows, operands, in: rewriter.builder)
      if let name = graph.name(of: node.result) { rewriter.builder.name(result, name) }
      try rewriter.define(node, as: [result.id])
    }
    return try rewriter.finish().withoutDeadNodes()
  }

  /// What is to be computed in parts, with the rows of a part, by the last product.
  private func attentions(_ graph: Graph) -> [NodeID: (Attention, rows: Int)] {
    var found: [NodeID: (Attention, rows: Int)] = [:]
    lazy var readers = graph.readers()
    lazy var escaping = graph.escaping()
    for node in graph.nodes where node.op is Matmul {
      guard rows > 0 || Attention.mayLeaveCache(graph.type(of: node.result), processor) else { continue }
      guard let attention = Attention(scores: node, graph, readers, escaping) else { continue }
      guard let count = rows > 0 ? min(rows, attention.rows) : attention.rowsThatFit(processor) else { continue }
      guard count < attention.rows || attention.batch.contains(where: { $0 > 1 }) else { continue }
      if found.values.contains(where: { $0.0.overlaps(attention) }) { continue }
      found[attention.last.id] = (attention, count)
    }
    return found
  }
}

/// Two products with nodes between them that treat each row of the first one's result by itself.
private struct Attention {
  let graph: Graph
  /// The first product, and the last.
  let scores: Node
  let last: Node
  /// Both, and what is between them, in the graph's order.
  let nodes: [Node]
  /// The result of the first product: a batch of matrices.
  let batch: [Int]
  let rows: Int
  let columns: Int
  /// What is read from outside.
  let operands: [Read]
  /// The division by the sum of exponentials, if it can follow the last product.
  let quotient: Node?

  /// A value from outside, and whether a part of the rows reads a part of it.
  struct Read: Hashable {
    let id: ValueID
    let hasRows: Bool
  }

  init?(scores: Node, _ graph: Graph, _ readers: [[NodeID]], _ escaping: [Bool]) {
    guard let product = scores.op as? Matmul, !product.transposeA,
      let dims = graph.type(of: scores.result).shape.numbers, !dims.contains(0)
    else { return nil }
    let (batch, rows, columns) = (Array(dims.dropLast(2)), dims[dims.count - 2], dims[dims.count - 1])
    var nodes = [scores]
    var inside: Set<ValueID> = [scores.result]
    var last: Node?
    var next = readers[scores.result.index]
    // Readers of what is inside, in the graph's order, until the product that ends it.
    while last == nil, let id = next.min() {
      next.removeAll { $0 == id }
      let node = graph.nodes[id.index]
      if Attention.endsRows(node, graph, inside, batch, rows) {
        last = node
      } else if Attention.keepsRows(node, graph, batch, rows, columns) {
        inside.insert(node.result)
        next += readers[node.result.index]
      } else {
        return nil
      }
      nodes.append(node)
    }
    let members = Set(nodes.map(\.id))
    guard let last, nodes.contains(where: { $0.op.asReduction != nil }),
      inside.allSatisfy({ id in !escaping[id.index] && readers[id.index].allSatisfy(members.contains) })
    else { return nil }
    (self.graph, self.scores, self.last, self.nodes) = (graph, scores, last, nodes)
    (self.batch, self.rows, self.columns) = (batch, rows, columns)
    quotient = Attention.quotient(of: last, graph, readers)
    var reads: [Read] = []
    for node in nodes {
      for position in node.operands.indices where !inside.contains(node.operands[position]) {
        let read = Attention.read(node, position, graph, rows)
        if !reads.contains(read), !Attention.isNumber(read.id, graph) { reads.append(read) }
      }
    }
    operands = reads
  }

  /// Whether a node is a product that ends with what each row gives.
  private static func endsRows(
    _ node: Node, _ graph: Graph, _ inside: Set<ValueID>, _ batch: [Int], _ rows: Int
  ) -> Bool {
    guard let product = node.op as? Matmul, !product.transposeA else { return false }
    return inside.contains(node.operands[0]) && !inside.contains(node.operands[1])
      && graph.type(of: node.result).shape.numbers?.dropLast() == ArraySlice(batch + [rows])
  }

  /// Whether a node makes of each row a row or one element.
  private static func keepsRows(_ node: Node, _ graph: Graph, _ batch: [Int], _ rows: Int, _ columns: Int) -> Bool {
    guard node.results.count == 1, let dims = graph.type(of: node.result).shape.numbers else { return false }
    if let fold = node.op.asReduction {
      let rank = graph.type(of: node.operands[0]).rank
      return fold.keepDims && dims == batch + [rows, 1] && (try? Axis.normalized(fold.axes, rank: rank)) == [rank - 1]
    }
    return node.op.traits.contains(.elementwise) && (dims == batch + [rows, columns] || dims == batch + [rows, 1])
  }

  /// The division of exponentials by their sum that the last product reads.
  private static func quotient(of last: Node, _ graph: Graph, _ readers: [[NodeID]]) -> Node? {
    let division = graph.producer(of: last.operands[0])
    guard division.op is Divide, readers[division.result.index].count == 1 else { return nil }
    let (exponential, sum) = (graph.producer(of: division.operands[0]), graph.producer(of: division.operands[1]))
    guard exponential.op is Exp, sum.op is ReduceSum, sum.operands == [exponential.result] else { return nil }
    let difference = graph.producer(of: exponential.operands[0])
    guard difference.op is Subtract else { return nil }
    let maximum = graph.producer(of: difference.operands[1])
    return maximum.op is ReduceMax && maximum.operands[0] == difference.operands[0] ? division : nil
  }

  private static func read(_ node: Node, _ position: Int, _ graph: Graph, _ rows: Int) -> Read {
    let id = node.operands[position]
    // A product's second operand meets each row, however many rows it has itself.
    if node.op is Matmul { return Read(id: id, hasRows: position == 0) }
    let dims = graph.type(of: id).shape.numbers ?? []
    return Read(id: id, hasRows: rows > 1 && dims.count >= 2 && dims[dims.count - 2] == rows)
  }

  /// Whether a value is a number. Numbers go along: inside a loop they can be part of a kernel.
  private static func isNumber(_ id: ValueID, _ graph: Graph) -> Bool {
    graph.producer(of: id).op is Constant && graph.type(of: id).rank == 0
  }

  func overlaps(_ other: Attention) -> Bool { nodes.contains { node in other.nodes.contains { $0.id == node.id } } }

  // MARK: How many rows

  /// Whether scores of such a type may leave the caches. Most graphs have none, and need not be looked at further.
  static func mayLeaveCache(_ type: TensorType, _ processor: ProcessorModel) -> Bool {
    guard let bytes = type.byteCount, let dims = type.shape.numbers, dims.count >= 2 else { return false }
    let matrix = dims.suffix(2).reduce(type.dtype.byteCount) { $0.multipliedSaturated(by: $1) }
    let caches = processor.cores * processor.secondCache.bytes
    return matrix >= caches / 2 && bytes > 2 * caches
  }

  /// How many rows are best computed at a time: as many as leave their scores in a quarter of the second caches, which hold
  /// the matrices' panels, too; nil if all of them are best.
  func rowsThatFit(_ processor: ProcessorModel) -> Int? {
    let type = graph.type(of: scores.result)
    guard Attention.mayLeaveCache(type, processor) else { return nil }
    // Each block of rows reads both matrices again.
    let matrices = [scores, last].reduce(0) { $0.addingSaturated(matrixBytes($1.operands[1])) }
    let row = columns.multipliedSaturated(by: type.dtype.byteCount)
    guard matrices <= rows.multipliedSaturated(by: row) / 2, matrices <= processor.lastCache.bytes / 2 else {
      return nil
    }
    let most = min(rows, processor.cores * processor.secondCache.bytes / 4 / row)
    // Fewer would not make up for reading the matrices, nor for the barriers between the steps of a block.
    guard most >= Attention.leastRows else { return nil }
    // Blocks of one size, if that is not much smaller.
    return (max(Attention.leastRows, most / 2)...most).last { rows.isMultiple(of: $0) } ?? most
  }

  private func matrixBytes(_ id: ValueID) -> Int {
    let type = graph.type(of: id)
    return (type.shape.numbers ?? []).suffix(2).reduce(type.dtype.byteCount) { $0.multipliedSaturated(by: $1) }
  }

  private static let leastRows = 16

  // MARK: Loops

  /// The result of the last product, computed by loops over matrices and blocks of rows.
  func tiled(_ rows: Int, _ operands: [(read: Read, value: Value)], in builder: GraphBuilder) throws -> Value {
    let values = try operands.map { read, value in
      let missing = batch.count + 2 - value.shape.rank
      let ones = [Dim](repeating: .number(1), count: max(0, missing))
      return (read: read, value: missing > 0 ? try value.reshaped(Shape(ones + value.shape.dims)) : value)
    }
    return try matrices(batch[...], rows, values, builder)
  }

  /// A loop over the matrices along the first axis that is left.
  private func matrices(
    _ axes: ArraySlice<Int>, _ rows: Int, _ values: [(read: Read, value: Value)], _ builder: GraphBuilder
  ) throws -> Value {
    guard let count = axes.first else { return try blocks(rows, values, builder) }
    func dropped(_ value: Value) throws -> Value { try value.reshaped(Shape(Array(value.shape.dims.dropFirst()))) }
    if count == 1 {
      let inner = try matrices(axes.dropFirst(), rows, values.map { ($0.read, try dropped($0.value)) }, builder)
      return try inner.reshaped(Shape([.number(1)] + inner.shape.dims))
    }
    let isSequence = values.map { $0.value.shape.dims.first == .number(count) }
    let sequences = zip(values, isSequence).filter(\.1).map(\.0)
    let invariants = try zip(values, isSequence).filter { !$0.1 }.map { ($0.0.read, try dropped($0.0.value)) }
    return try builder.scan(sequences: sequences.map(\.value), invariants: invariants.map(\.1)) { _, elements, others in
      let inner = zip(sequences.map(\.read) + invariants.map(\.0), elements + others).map { (read: $0, value: $1) }
      return ([], [try matrices(axes.dropFirst(), rows, inner, try Attention.builder(of: inner))])
    }.outputs[0]
  }

  /// A loop over blocks of rows of one matrix.
  private func blocks(
    _ count: Int, _ values: [(read: Read, value: Value)], _ builder: GraphBuilder
  ) throws -> Value {
    if count == rows { return try block(values, builder) }
    // What whole blocks leave over follows by itself.
    let whole = rows / count * count
    func part(_ from: Int, _ to: Int) throws -> [(read: Read, value: Value)] {
      try values.map { read, value in
        (read, read.hasRows && to - from < rows ? try value.sliced(axis: 0, from: from, to: to) : value)
      }
    }
    let blocks = try loop(count, whole / count, part(0, whole), builder)
    return whole == rows ? blocks : try concatenate([blocks, block(part(whole, rows), builder)], axis: 0)
  }

  private func loop(
    _ count: Int, _ steps: Int, _ values: [(read: Read, value: Value)], _ builder: GraphBuilder
  ) throws -> Value {
    if steps == 1 { return try block(values, builder) }
    let sequences = values.filter(\.read.hasRows)
    let invariants = values.filter { !$0.read.hasRows }
    let parts = [Dim.number(steps), .number(count)]
    let stacked = try builder.scan(
      sequences: sequences.map { try $0.value.reshaped(Shape(parts + $0.value.shape.dims.dropFirst())) },
      invariants: invariants.map(\.value)
    ) { _, elements, others in
      let inner = zip((sequences + invariants).map(\.read), elements + others).map { (read: $0, value: $1) }
      return ([], [try block(inner, try Attention.builder(of: inner))])
    }.outputs[0]
    return try stacked.reshaped(Shape([.number(steps * count)] + stacked.shape.dims.dropFirst(2)))
  }

  private static func builder(of values: [(read: Read, value: Value)]) throws -> GraphBuilder {
    guard let builder = values.first?.value.builder else { throw ApusError.defect("tile-attention: nothing is read") }
    return builder
  }

  /// The nodes on a block of rows.
  private func block(_ values: [(read: Read, value: Value)], _ builder: GraphBuilder) throws -> Value {
    var known = Dictionary(values.map { ($0.read, $0.value) }) { first, _ in first }
    var inside: [ValueID: Value] = [:]
    func operand(_ node: Node, _ position: Int) throws -> Value {
      let id = node.operands[position]
      if let value = inside[id] { return value }
      let read = Attention.read(node, position, graph, rows)
      if let value = known[read] { return value }
      let number = graph.producer(of: id)
      let copy = try builder.append(number.op, [], names: graph.names(of: number), origin: number.origin)
      known[read] = builder.value(copy[0])
      return builder.value(copy[0])
    }
    for node in nodes where node.id != quotient?.id {
      let operands = try node.operands.indices.map { position in
        if let quotient, node.id == last.id, position == 0 { return try operand(quotient, 0) }
        return try operand(node, position)
      }
      let op: any Operator = node.op.asReduction.map { $0.alongRows } ?? node.op
      let results = try builder.append(
        op, operands.map(\.id), names: node.id == last.id ? [nil] : graph.names(of: node), origin: node.origin)
      inside[node.result] = builder.value(results[0])
    }
    guard let result = inside[last.result] else { throw ApusError.defect("tile-attention: no result") }
    return try quotient.map { try result / operand($0, 1) } ?? result
  }
}

extension ReductionOperator {
  /// The same over the last axis.
  fileprivate var alongRows: any Operator {
    var result = self
    result.axes = [-1]
    return result
  }
}
