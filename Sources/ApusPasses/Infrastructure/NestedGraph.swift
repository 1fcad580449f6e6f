import ApusGraph

/// A graph with its nests as fusions, and where each of its nodes went.
struct NestedGraph {
  let graph: Graph
  /// For each value its counterpart; nil inside of a nest that keeps it to itself.
  let values: [ValueID?]
  /// For each node of the new graph the nodes that it stands for, in order.
  let members: [[NodeID]]
}
