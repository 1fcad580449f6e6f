import ApusCore
import ApusGraph
import ApusOperators

/// Folds batch normalization, and any other scaling of channels, into the weights of the contraction before it.
///
/// With S and T vectors over the channels, contraction(x, w) · S + T = contraction(x, w · S) + T. The pass looks for
/// *chains*: a contraction, then steps that add, subtract, multiply or divide by a vector over the channels, or
/// normalize the channels by given statistics. It replaces a chain by one contraction and one addition. Products are
/// rounded elsewhere than before, so results agree to rounding, not bit for bit; and a scale that is not finite meets
/// products instead of their sum, so that an infinity may become NaN.
///
/// Guards, each with a remark where a normalization or scale is left for it:
/// - weights and vectors are *fixed*: they depend on constants and on variables that the graph does not update. Scaling
///   them costs a pass over the weights each run; where they are constants, fold-constants does it for good;
/// - a vector has one number for each channel, the last axis of the result, or one number for all;
/// - every value inside a chain has one reader and does not leave the graph: else it is needed unscaled, too.
///
/// Chains without a scale stay as they are, so a second run finds nothing to do.
public struct FoldBatchNorm: Pass {
  public static let record = PassRecord(
    "fold-batch-norm", "scales the weights of convolutions and products instead of their results",
    statistics: [PassStatistic("folded", "contractions whose weights took in a scale")],
    rules: [scale])

  private static let scale = RewriteRule(
    "scale", "contraction(x, w) · S + T → contraction(x, w · S) + T for vectors S and T over the channels",
    .approximate(error: 1e-5).assumingFinite)

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let original = graph
    // A dead reader is none.
    let graph = try graph.withoutDeadNodes()
    var search = ChannelChains(graph)
    for node in graph.nodes { search.visit(node) }
    var permitted: Set<NodeID> = []
    for node in graph.nodes {
      if let reason = search.obstacles[node.id] {
        context.missed("\(node.op.name) \(graph.label(of: node.result)) was not folded: \(reason)", at: node)
      }
      if search.finished[node.id] != nil, context.permits(Self.scale) { permitted.insert(node.id) }
    }
    let chains = search.finished.filter { permitted.contains($0.key) }
    guard !chains.isEmpty else { return original }
    context.count("folded", chains.count)

    // The new counterparts of all values read so far: a chain's operands precede its last step.
    var map = [ValueID?](repeating: nil, count: graph.valueCount)
    return try graph.rewritten(sharingEqualNodes: false) { node, operands, builder in
      for (old, new) in zip(node.operands, operands) { map[old.index] = new }
      guard let chain = chains[node.id] else { return .keep }
      let value = try chain.folded(in: builder) { id in
        guard let new = map[id.index] else {
          throw ApusError.defect("fold-batch-norm: \(graph.label(of: id)) was not visited")
        }
        return builder.value(new)
      }
      if let name = graph.name(of: node.result) { builder.name(value, name) }
      return .replace([value.id])
    }.withoutDeadNodes()
  }
}

/// A contraction that is linear in each channel of its weights, operand 1.
protocol ChannelwiseContraction: Operator {
  /// The shape in which a vector of `channels` numbers scales the channels of the weights.
  func scaleShape(_ channels: Dim) -> Shape
}

extension Convolution: ChannelwiseContraction {
  func scaleShape(_ channels: Dim) -> Shape { [channels] }
}

extension Matmul: ChannelwiseContraction {
  func scaleShape(_ channels: Dim) -> Shape { transposeB ? [channels, 1] : [channels] }
}

/// What happens to each channel of a contraction's result, by a fixed operand.
private enum ChannelStep {
  case add(ValueID)
  case subtract(ValueID)
  case multiply(ValueID)
  case divide(ValueID)
  /// Scale, offset, mean and variance.
  case normalize(BatchNormInference, [ValueID])

  /// The ways in which a node may be a step: the operand that is stepped on, and the step.
  static func readings(_ node: Node) -> [(on: ValueID, step: ChannelStep)] {
    let (op, operands) = (node.op, node.operands)
    if op is Add { return [(operands[0], .add(operands[1])), (operands[1], .add(operands[0]))] }
    if op is Multiply { return [(operands[0], .multiply(operands[1])), (operands[1], .multiply(operands[0]))] }
    if op is Subtract { return [(operands[0], .subtract(operands[1]))] }
    if op is Divide { return [(operands[0], .divide(operands[1]))] }
    if let op = op as? BatchNormInference { return [(operands[0], .normalize(op, Array(operands.dropFirst())))] }
    return []
  }

  var operands: [ValueID] {
    switch self {
    case .add(let v), .subtract(let v), .multiply(let v), .divide(let v): [v]
    case .normalize(_, let vectors): vectors
    }
  }

  var scales: Bool {
    switch self {
    case .add, .subtract: false
    case .multiply, .divide, .normalize: true
    }
  }
}

private struct ChannelChain {
  let contraction: Node
  let op: any ChannelwiseContraction
  let channels: Dim
  var steps: [ChannelStep] = []

  /// contraction(x, w · S) + T, with S and T out of the steps.
  func folded(in builder: GraphBuilder, _ mapped: (ValueID) throws -> Value) throws -> Value {
    builder.origin = contraction.origin
    let x = try mapped(contraction.operands[0])
    var weights = try mapped(contraction.operands[1])
    var shift: Value?
    for step in steps {
      let v = try step.operands.map(mapped)
      switch step {
      case .add: shift = try shift.map { try $0 + v[0] } ?? v[0]
      case .subtract: shift = try shift.map { try $0 - v[0] } ?? v[0].negated()
      case .multiply:
        weights = try weights * forWeights(v[0])
        shift = try shift.map { try $0 * v[0] }
      case .divide:
        weights = try weights / forWeights(v[0])
        shift = try shift.map { try $0 / v[0] }
      case .normalize(let op, _):
        let factor = try v[0] * (v[3] + op.epsilon).rsqrt()
        weights = try weights * forWeights(factor)
        shift = try (shift.map { try $0 - v[2] } ?? v[2].negated()) * factor + v[1]
      }
    }
    let product = try builder.value(
      builder.append(contraction.op, [x.id, weights.id], regions: [], origin: contraction.origin)[0])
    return try shift.map { try product + $0 } ?? product
  }

  private func forWeights(_ vector: Value) throws -> Value {
    try vector.reshaped(vector.shape.dims.last == channels ? op.scaleShape(channels) : [])
  }
}

/// Finds chains in a forward walk: each step prolongs the chain that ends before it.
private struct ChannelChains {
  /// The chains that scale, by their last node.
  private(set) var finished: [NodeID: ChannelChain] = [:]
  /// Why a normalization or a scale is no step of a chain.
  private(set) var obstacles: [NodeID: String] = [:]

  private let graph: Graph
  private let readers: [[NodeID]]
  private let escapes: [Bool]
  private let isUpdated: Set<ValueID>
  private var isFixed: [Bool]
  private var ends: [ValueID: ChannelChain] = [:]

  init(_ graph: Graph) {
    self.graph = graph
    readers = graph.readers()
    escapes = graph.escaping()
    isUpdated = Set(graph.updates.map(\.variable))
    isFixed = [Bool](repeating: false, count: graph.valueCount)
  }

  mutating func visit(_ node: Node) {
    let isConstant =
      !(node.op is Parameter || node.op is any ModeDependentOperator)
      && node.op.traits.isDisjoint(with: [.random, .controlFlow])
      && node.operands.allSatisfy { isFixed[$0.index] } && !node.results.contains(where: isUpdated.contains)
    for result in node.results { isFixed[result.index] = isConstant }
    guard node.results.count == 1, !isConstant else { return }

    if let op = node.op as? any ChannelwiseContraction, let channels = graph.type(of: node.result).shape.dims.last {
      if graph.type(of: node.result).dtype.isFloating {
        ends[node.result] = ChannelChain(contraction: node, op: op, channels: channels)
      }
      return
    }
    let readings = ChannelStep.readings(node)
    guard let (value, step) = readings.first(where: { ends[$0.on] != nil }), var chain = ends[value] else {
      if node.op is BatchNormInference {
        obstacles[node.id] = "\(graph.label(of: node.operands[0])) is not the result of a convolution or product"
      }
      return
    }
    if let reason = obstacle(node, value, step, chain) {
      // A product of two computed values is no scale.
      let mightFold = node.op is BatchNormInference || step.operands.allSatisfy { isFixed[$0.index] }
      if step.scales, mightFold { obstacles[node.id] = reason }
      return
    }
    chain.steps.append(step)
    ends[value] = nil
    ends[node.result] = chain
    finished[graph.producer(of: value).id] = nil
    if chain.steps.contains(where: \.scales) { finished[node.id] = chain }
  }

  /// Why a step does not prolong a chain; nil if it does.
  private func obstacle(_ node: Node, _ value: ValueID, _ step: ChannelStep, _ chain: ChannelChain) -> String? {
    let label = graph.label(of: value)
    if readers[value.index].count != 1 {
      let labels = readers[value.index].map { graph.label(of: graph.nodes[$0.index].results[0]) }
      return "\(label) has \(labels.count) readers, \(labels.joined(separator: " and "))"
    }
    if escapes[value.index] { return "\(label) leaves the graph" }
    let weights = chain.contraction.operands[1]
    for operand in [weights] + step.operands where !isFixed[operand.index] {
      return "\(graph.label(of: operand)) depends on inputs or changes with each run"
    }
    let rank = graph.type(of: node.result).rank
    if case .normalize(let op, _) = step, op.axis != -1, op.axis != rank - 1 {
      return "its axis \(op.axis) is not that of the channels"
    }
    for operand in step.operands {
      let shape = graph.type(of: operand).shape
      let isVector =
        shape.rank <= rank && shape.dims.dropLast().allSatisfy { $0 == 1 }
        && (shape.dims.last ?? 1 == chain.channels || shape.dims.last ?? 1 == 1)
      guard isVector, graph.type(of: node.result).shape == graph.type(of: value).shape else {
        return "\(graph.label(of: operand)) is \(shape), not a number for each of \(chain.channels) channels"
      }
    }
    return nil
  }
}
