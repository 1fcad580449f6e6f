import ApusCore
import ApusGraph
import ApusOperators

/// Runs a static graph node by node with the reference kernels.
///
/// It is what every other backend is compared with, the arithmetic of the constant folder, and fast enough to train a
/// small network: values are freed after their last reader, and a kernel writes into an operand without later readers.
/// It runs what is written: composites are replaced by their definitions, and each node that is read is computed, equal
/// ones too.
public struct Interpreter: Executable {
  /// One node with everything about it decided.
  private struct Step: Sendable {
    let kernel: any Interpretable
    let operands: [Int]
    let results: [Int]
    /// Element type and sizes of each result, which the kernel must give.
    let types: [(dtype: DType, dimensions: [Int])]
    let context: KernelContext
    /// For each operand whether this is its last reader and it may be taken.
    let takes: [Bool]
    /// Results without a reader.
    let unused: [Int]
    let origin: String

    /// Whether a kernel's results are what the operator's shape rule promises.
    func accepts(_ tensors: [Tensor]) -> Bool {
      tensors.count == types.count
        && zip(tensors, types).allSatisfy { $0.dtype == $1.dtype && $0.dimensions == $1.dimensions }
    }

    func mismatch(_ tensors: [Tensor]) -> ApusError {
      kernel.fault(
        "\(origin): its kernel gives \(tensors.map(\.type).list), but its shape rule says \(context.resultTypes.list)",
        help: "evaluate and resultTypes of \(type(of: kernel)) must agree")
    }
  }

  private let graph: Graph
  private let steps: [Step]
  private let constants: [(slot: Int, value: Tensor)]
  private let parameterSlots: [Int]
  private let variableSlots: [Int]
  private let need: MemoryNeed

  /// - Throws: `ApusError` if a shape is symbolic, or a mode-dependent operator was not bound.
  public init(_ source: Graph) throws {
    if let symbol = source.symbols.first {
      throw ApusError.input(
        "graph @\(source.name) has the symbolic dimension '\(symbol)'",
        help: "bind it: specialized([\"\(symbol)\": 32])", commandHelp: "bind it: --bind \(symbol)=32")
    }
    try source.checkSizes()
    // Nothing else is rewritten: what judges passes must not share a rewrite with them.
    let expanded = try source.expandingComposites(sharingEqualNodes: false)
    graph = expanded
    let live = expanded.liveNodes()
    parameterSlots = expanded.parameters.map(\.index)
    variableSlots = expanded.variables.map(\.id.index)

    var lastReader = [Int?](repeating: nil, count: expanded.valueCount)
    for node in expanded.nodes where live[node.id.index] {
      for operand in node.operands { lastReader[operand.index] = node.id.index }
    }
    let escapes = expanded.escaping()
    var steps: [Step] = []
    var constants: [(slot: Int, value: Tensor)] = []
    for node in expanded.nodes where live[node.id.index] {
      if let constant = node.op as? Constant {
        constants.append((node.result.index, constant.value))
        continue
      }
      if node.op is Parameter || node.op is Variable { continue }
      guard let kernel = node.op as? any Interpretable else { throw Interpreter.missingKernel(node, expanded) }
      let slots = node.operands.map(\.index)
      steps.append(
        Step(
          kernel: kernel, operands: slots, results: node.results.map(\.index),
          types: expanded.resultTypes(of: node).map { ($0.dtype, $0.shape.numbers ?? []) },
          context: KernelContext(
            resultTypes: expanded.resultTypes(of: node), regions: try node.regions.map { try Interpreter($0) }),
          takes: slots.enumerated().map { position, slot in
            lastReader[slot] == node.id.index && !escapes[slot] && !slots[..<position].contains(slot)
          },
          unused: node.results.map(\.index).filter { lastReader[$0] == nil && !escapes[$0] },
          origin: "\(expanded.label(of: node.results.first ?? ValueID(0))) = \(node.op.name)"))
    }
    need = MemoryNeed(ofInterpreting: expanded, live: live, lastReader: lastReader, escapes: escapes)
    self.steps = steps
    self.constants = constants
  }

  private static func missingKernel(_ node: Node, _ graph: Graph) -> ApusError {
    if node.op is any ModeDependentOperator {
      return .input(
        "\(node.op.name) does different things while training and predicting",
        help: "bind the graph first: bound(to: .inference)", commandHelp: "bind the graph first: --mode inference")
    }
    return node.op.fault(
      "the interpreter has no kernel for \(node.op.name)",
      help: "\(Swift.type(of: node.op)) must conform to Interpretable (Sources/ApusInterpreter/Interpretable.swift), "
        + "or to CompositeOperator if smaller operators define it")
  }

  public func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult {
    try run(feeds, variables: variables, observer: nil)
  }

  /// - Parameter observer: told after each node how many bytes are held by values, constants left out.
  package func run(
    _ feeds: [Tensor], variables: [Tensor], observer: ((_ liveBytes: Int) -> Void)?
  ) throws -> RunResult {
    try graph.checkArguments(feeds, variables)
    try need.check("a run of graph @\(graph.name) needs at least")
    var slots = [Tensor?](repeating: nil, count: graph.valueCount)
    for (slot, value) in constants { slots[slot] = value }
    for (slot, value) in zip(parameterSlots, feeds) { slots[slot] = value }
    for (slot, value) in zip(variableSlots, variables) { slots[slot] = value }

    let constantSlots = Set(constants.map(\.slot))
    for step in steps {
      var operands: [Tensor] = []
      operands.reserveCapacity(step.operands.count)
      for slot in step.operands {
        guard let value = slots[slot] else { throw ApusError.defect("\(step.origin): operand %\(slot) has been freed") }
        operands.append(value)
      }
      for (slot, takes) in zip(step.operands, step.takes) where takes { slots[slot] = nil }
      let results: [Tensor]
      do { results = try step.kernel.evaluate(&operands, step.context) } catch let error as ApusError {
        throw ApusError(error.fault, error.diagnostics.map { $0.within(step.origin) })
      }
      guard step.accepts(results) else { throw step.mismatch(results) }
      for (slot, value) in zip(step.results, results) { slots[slot] = value }
      for slot in step.unused { slots[slot] = nil }
      if let observer {
        observer(slots.indices.reduce(0) { $0 + (constantSlots.contains($1) ? 0 : slots[$1]?.byteCount ?? 0) })
      }
    }

    func value(_ id: ValueID) throws -> Tensor {
      guard let tensor = slots[id.index] else { throw ApusError.defect("\(graph.label(of: id)) was not computed") }
      return tensor
    }
    return RunResult(
      outputs: try graph.outputs.map(value),
      updates: try graph.updates.map { update in
        guard let position = variableSlots.firstIndex(of: update.variable.index) else {
          throw ApusError.defect("an update of \(graph.label(of: update.variable)), which is no variable")
        }
        return (position, try value(update.value))
      })
  }
}

/// The interpreter as a backend.
public struct InterpreterBackend: Backend {
  public init() {}
  public var name: String { "interpreter" }
  public func prepare(_ graph: Graph) throws -> any Executable { try Interpreter(graph) }
}
