import ApusGraph

/// What is computed again.
struct Recomputation {
  /// The values that are replaced, all in one buffer, and the nodes that compute them, in order.
  let targets: [ValueID]
  /// Those that read the copies, and where the first of them is computed.
  let readers: Set<NodeID>
  var place = 0
  var nodes: [NodeID] = []
  /// What those nodes read that they do not compute.
  var leaves: Set<ValueID> = []
  /// Size of the buffer, and what keeping leaves longer costs of it.
  let bytes: Int
  var extended = 0
  var flopCount = 0
  /// For remarks.
  var node: Node?
  var label = ""
  var reader = ""

  /// What tells candidates of one run apart, but for copies of copies.
  var key: String { "\(label), \(reader)" }
  /// Bytes freed for an operation.
  var worth: Double { Double(bytes - extended) / Double(flopCount + 1) }
}
