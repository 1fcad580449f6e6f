import ApusCore
import ApusGraph
import ApusPlanning

/// Launches of the nodes that were lowered, so that nodes that differ only in the memory of their tensors are lowered once:
/// the layers of a deep network are mostly equal.
final class LoweringMemo {
  /// All that a node's kernels follow from.
  private struct Key: Hashable {
    let op: any Operator
    /// Its operands' types and its region, without names.
    let types: [TensorType]
    let nodes: [RegionNode]
    let outputs: [ValueID]
    let tensors: [TensorPlace]
    let products: Set<Int>
    let checked: Set<Int>

    static func == (a: Key, b: Key) -> Bool {
      a.tensors == b.tensors && a.products == b.products && a.checked == b.checked && a.types == b.types
        && a.outputs == b.outputs && a.op.isEqual(to: b.op) && a.nodes == b.nodes
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(ObjectIdentifier(type(of: op)))
      hasher.combine(tensors)
      hasher.combine(nodes)
    }
  }

  private struct RegionNode: Hashable {
    let op: any Operator
    let operands: [ValueID]

    static func == (a: RegionNode, b: RegionNode) -> Bool { a.operands == b.operands && a.op.isEqual(to: b.op) }

    func hash(into hasher: inout Hasher) {
      hasher.combine(ObjectIdentifier(type(of: op)))
      hasher.combine(operands)
    }
  }

  /// A tensor but for which memory it is in.
  private struct TensorPlace: Hashable {
    let view: TensorView
    let loopStrides: [Int]
    /// Whether a loop is around and does not change it.
    let isSameInEachRound: Bool
    let isUpdated: Bool
    /// The first of the node's tensors in the same memory.
    let twin: Int
  }

  /// A launch whose arguments are positions among the node's tensors.
  private struct Recorded {
    let launch: DraftLaunch
    let tensors: [Int]
  }

  private var known: [Key: [Recorded]] = [:]

  /// Lowers a node by repeating the launches of an equal one, or by `lower`.
  func lower(
    _ node: Node, _ graph: Graph, _ lowering: NodeLowering, _ builder: DraftBuilder, _ lower: () throws -> Void
  ) throws {
    // A region inside a region, or control flow: not a nest.
    guard node.regions.count <= 1, node.regions.allSatisfy({ $0.nodes.allSatisfy(\.regions.isEmpty) }) else {
      return try lower()
    }
    let tensors = lowering.operands + lowering.results
    let key = Key(
      op: node.op, types: graph.operandTypes(of: node),
      nodes: node.regions.flatMap(\.nodes).map { RegionNode(op: $0.op, operands: $0.operands) },
      outputs: node.regions.flatMap(\.outputs),
      tensors: tensors.map { tensor in
        TensorPlace(
          view: tensor.view, loopStrides: tensor.loopStrides, isSameInEachRound: builder.isSameInEachRound(tensor),
          isUpdated: builder.isUpdated(tensor),
          twin: tensors.firstIndex { $0.buffer == tensor.buffer } ?? 0)
      }, products: lowering.products, checked: lowering.checked)
    if let launches = known[key] {
      for recorded in launches {
        builder.repeat(recorded.launch, on: recorded.tensors.map { tensors[$0].buffer }, origin: lowering.origin)
      }
      return
    }
    guard let launches = try builder.launches(of: lower) else { return }
    let recorded = launches.compactMap { launch -> Recorded? in
      let positions = launch.launch.arguments.compactMap { argument in
        tensors.firstIndex { $0.buffer == argument.buffer }
      }
      return positions.count == launch.launch.arguments.count ? Recorded(launch: launch, tensors: positions) : nil
    }
    if recorded.count == launches.count { known[key] = recorded }
  }
}

extension DraftBuilder {
  /// The launches that a node's lowering adds; nil if it needs more than those: memory, messages of failures, or what is
  /// computed elsewhere.
  fileprivate func launches(of lower: () throws -> Void) throws -> [DraftLaunch]? {
    let before = (buffers: draft.buffers.count, failures: draft.failures.count, steps: steps.count)
    try lower()
    guard draft.buffers.count == before.buffers, draft.failures.count == before.failures else { return nil }
    var launches: [DraftLaunch] = []
    for step in steps[before.steps...] {
      guard case .launch(let launch) = step else { return nil }
      launches.append(launch)
    }
    return launches
  }

  /// Adds a launch again, on the memory of another node.
  fileprivate func `repeat`(_ launch: DraftLaunch, on buffers: [Int], origin: String) {
    var launch = launch
    for (position, buffer) in buffers.enumerated() { launch.launch.arguments[position].buffer = buffer }
    launch.launch.origin = origin
    launch.launch.failureBase = failureBase
    append(.launch(launch))
  }
}
