import ApusCore
import ApusGraph
import ApusOperators

/// Products that read rows of scores, with all that makes these rows: what one loop over blocks of rows computes.
struct ScoreLoop {
  let graph: Graph
  /// Scores are a batch of matrices.
  let batch: [Int]
  let rows: Int
  let columns: Int
  /// What is computed for a block of rows, in the graph's order: the products of scores, what follows along their rows, and
  /// the results.
  let nodes: [Node]
  /// Products that give a row for each row, or a sum over all rows.
  let results: [Node]
  /// What is computed here.
  let computed: Set<ValueID>
  /// What is read from outside.
  private(set) var operands: [Read]
  /// The division by the sum of exponentials, if it can follow the only result.
  private(set) var quotient: Node?

  /// A value from outside.
  struct Read: Hashable {
    let id: ValueID
    /// Whether a part of the rows reads a part of it, along the last axis but one.
    let hasRows: Bool
    /// The axis along which a part of the columns reads a part of it, from the last axis, which is -1; nil: none.
    let columnAxis: Int?
  }

  /// - Parameters:
  ///   - inside: the nodes of the region, in the graph's order.
  ///   - results: not waiting for each other.
  init(_ graph: Graph, _ shape: ScoreShape, inside: [Node], results: [Node]) {
    var needed = Set(results.flatMap(\.operands))
    var nodes: [Node] = []
    for node in inside.reversed() where needed.contains(node.result) {
      nodes.append(node)
      needed.formUnion(node.operands)
    }
    nodes = nodes.reversed() + results
    (self.graph, batch, rows, columns) = (graph, shape.batch, shape.rows, shape.columns)
    (self.nodes, self.results, computed) = (nodes, results, Set(nodes.map(\.result)))
    operands = []
    quotient = nil
    var known: Set<Read> = []
    for node in nodes {
      for position in node.operands.indices where !computed.contains(node.operands[position]) {
        let read = read(node, position)
        // Numbers go along: inside a loop they can be part of a kernel.
        if number(read.id) == nil, known.insert(read).inserted { operands.append(read) }
      }
    }
    quotient = results.count == 1 ? quotient(of: results[0]) : nil
  }

  /// The products that make scores.
  var scores: [Node] {
    let ends = Set(results.map(\.id))
    return nodes.filter { $0.op is Matmul && !ends.contains($0.id) }
  }

  /// Whether a result is a sum over all rows.
  static func isSum(_ result: Node) -> Bool { (result.op as? Matmul)?.sumsRows ?? false }

  /// The division of exponentials by their sum that the last product reads, be it with zeros for what a mask hides.
  private func quotient(of last: Node) -> Node? {
    guard !ScoreLoop.isSum(last) else { return nil }
    func isReadOnce(_ id: ValueID) -> Bool { nodes.count { $0.operands.contains(id) } == 1 }
    var division = graph.producer(of: last.operands[0])
    if division.op is Select, number(division.operands[2]) == 0, isReadOnce(division.result) {
      division = graph.producer(of: division.operands[1])
    }
    guard division.op is Divide, computed.contains(division.result), isReadOnce(division.result) else { return nil }
    let (exponential, sum) = (graph.producer(of: division.operands[0]), graph.producer(of: division.operands[1]))
    guard exponential.op is Exp, sum.op is ReduceSum, sum.operands == [exponential.result] else { return nil }
    let difference = graph.producer(of: exponential.operands[0])
    guard difference.op is Subtract else { return nil }
    let maximum = graph.producer(of: difference.operands[1])
    return maximum.op is ReduceMax && maximum.operands[0] == difference.operands[0] ? division : nil
  }

  /// How a node reads an operand from outside.
  func read(_ node: Node, _ position: Int) -> Read {
    let id = node.operands[position]
    if let product = node.op as? Matmul {
      if position == 0 || ScoreLoop.isSum(node) { return Read(id: id, hasRows: true, columnAxis: nil) }
      // The second operand meets each row, however many rows it has itself.
      let isWeighted = computed.contains(node.operands[0])
      return Read(id: id, hasRows: false, columnAxis: product.transposeB == isWeighted ? -1 : -2)
    }
    let dims = graph.type(of: id).shape.numbers ?? []
    return Read(
      id: id, hasRows: rows > 1 && dims.count >= 2 && dims[dims.count - 2] == rows,
      columnAxis: columns > 1 && dims.last == columns ? -1 : nil)
  }

  /// The value of a number that is a constant.
  func number(_ id: ValueID) -> Double? {
    guard let constant = graph.producer(of: id).op as? Constant, constant.value.rank == 0 else { return nil }
    return constant.value.doubles().first
  }

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
    let scores = scores
    guard let type = scores.first.map({ graph.type(of: $0.result) }), ScoreLoop.mayLeaveCache(type, processor) else {
      return nil
    }
    // Each block of rows reads these matrices again, and its part of the sums.
    let second = Set(nodes.filter { $0.op is Matmul }.map { $0.operands[1] })
    let matrices = Set(operands.filter { !$0.hasRows && second.contains($0.id) }.map(\.id)).union(
      results.filter(ScoreLoop.isSum).map(\.result))
    let bytes = matrices.reduce(0) { $0.addingSaturated(matrixBytes($1)) }
    let row = columns.multipliedSaturated(by: type.dtype.byteCount)
    guard bytes <= rows.multipliedSaturated(by: row).multipliedSaturated(by: scores.count) / 2,
      bytes <= processor.lastCache.bytes / 2
    else { return nil }
    let most = min(rows, processor.cores * processor.secondCache.bytes / 4 / row)
    // Fewer would not make up for reading the matrices, nor for the barriers between the steps of a block.
    guard most >= ScoreLoop.leastRows else { return nil }
    // Blocks of one size, if that is not much smaller.
    return (max(ScoreLoop.leastRows, most / 2)...most).last { rows.isMultiple(of: $0) } ?? most
  }

  private func matrixBytes(_ id: ValueID) -> Int {
    let type = graph.type(of: id)
    return (type.shape.numbers ?? []).suffix(2).reduce(type.dtype.byteCount) { $0.multipliedSaturated(by: $1) }
  }

  private static let leastRows = 16

  // MARK: Order

  /// A node that stays, or a loop by its number.
  enum Step {
    case node(Node)
    case loop(Int)
  }

  /// An order in which each node and each loop follows all that it reads, as near to the graph's order as can be. Declarations
  /// come first: their order is that of a program's inputs and variables.
  static func order(_ graph: Graph, _ loops: [ScoreLoop]) throws -> [Step] {
    var loopOf: [NodeID: Int] = [:]
    for (index, loop) in loops.enumerated() {
      for node in loop.results { loopOf[node.id] = index }
    }
    // Nodes by their numbers, then loops by theirs.
    func item(_ id: NodeID) -> Int { loopOf[id].map { graph.nodes.count + $0 } ?? id.index }
    func dependencies(_ item: Int) -> [ValueID] {
      item < graph.nodes.count ? graph.nodes[item].operands : loops[item - graph.nodes.count].operands.map(\.id)
    }
    var isDone = [Bool](repeating: false, count: graph.nodes.count + loops.count)
    var isOpen = isDone
    var steps: [Step] = []
    var open: [(item: Int, next: Int)] = []
    let declarations = graph.nodes.filter { $0.op is Parameter || $0.op is Variable }
    for node in declarations + graph.nodes {
      if !isDone[item(node.id)] { open.append((item(node.id), 0)) }
      while let (current, next) = open.last {
        isOpen[current] = true
        let ids = dependencies(current)
        if next < ids.count {
          open[open.count - 1].next += 1
          let other = item(graph.producer(of: ids[next]).id)
          if isDone[other] { continue }
          if isOpen[other] { throw ApusError.defect("tile-attention: loops wait for each other") }
          open.append((other, 0))
        } else {
          open.removeLast()
          isDone[current] = true
          steps.append(current < graph.nodes.count ? .node(graph.nodes[current]) : .loop(current - graph.nodes.count))
        }
      }
    }
    return steps
  }
}
