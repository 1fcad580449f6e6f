import ApusCore
import ApusGraph

extension Graph {
  /// The types of the parameters, in order.
  package var parameterTypes: [TensorType] { parameters.map(type(of:)) }

  /// Checks the values that an operator passes to a region against the region's parameters.
  /// - Parameters:
  ///   - role: the region's name in the operator's record, for the message.
  ///   - results: the types it must return; nil: any, but at least one.
  /// - Throws: `TypeError`
  func requireRegion(_ role: String, takes expected: [TensorType], gives results: [TensorType]? = nil) throws {
    guard variables.isEmpty, updates.isEmpty else {
      throw TypeError(
        "region '\(role)' declares or updates a variable", help: "declare it outside and pass it in as an operand")
    }
    guard parameterTypes == expected else {
      throw TypeError("region '\(role)' must take \(Graph.list(expected)), but takes \(Graph.list(parameterTypes))")
    }
    if let results, outputTypes != results {
      throw TypeError("region '\(role)' must return \(Graph.list(results)), but returns \(Graph.list(outputTypes))")
    }
  }

  static func list(_ types: [TensorType]) -> String { "(" + types.map(\.description).joined(separator: ", ") + ")" }

  /// For each value whether it depends on one of `sources`.
  /// - Parameter isCarried: says of a value whether dependence passes through it; all if nil.
  package func dependents(of sources: [ValueID], through isCarried: ((ValueID) -> Bool)? = nil) -> [Bool] {
    var result = [Bool](repeating: false, count: valueCount)
    for source in sources where isCarried?(source) ?? true { result[source.index] = true }
    for node in nodes where node.operands.contains(where: { result[$0.index] }) {
      for id in node.results where isCarried?(id) ?? true { result[id.index] = true }
    }
    return result
  }

  /// For each value whether it depends on one of `sources` through floating-point values alone: whether its cotangent
  /// matters to one of them.
  package func active(from sources: [ValueID]) -> [Bool] {
    dependents(of: sources) { self.type(of: $0).dtype.isFloating }
  }
}

extension Graph {
  /// Regions that take the same arguments, without dead nodes and without the parameters that none of them reads.
  /// - Returns: the regions, and the positions of the parameters that are left.
  static func pruned(_ regions: [Graph]) throws -> (regions: [Graph], kept: [Int]) {
    let live = regions.map { $0.liveNodes() }
    var isRead = [Bool](repeating: false, count: regions.first?.parameters.count ?? 0)
    for (region, live) in zip(regions, live) {
      let read = region.nodes.filter { live[$0.id.index] }.flatMap(\.operands) + region.outputs
      for (position, parameter) in region.parameters.enumerated() where read.contains(parameter) {
        isRead[position] = true
      }
    }
    let kept = isRead.indices.filter { isRead[$0] }
    let smaller = try zip(regions, live).map { region, live in
      var keeping = live
      for (position, parameter) in region.parameters.enumerated() where !isRead[position] {
        keeping[region.producer(of: parameter).id.index] = false
      }
      return try region.rewritten(sharingEqualNodes: false, keeping: keeping) { _, _, _ in .keep }
    }
    return (smaller, kept)
  }
}

extension GraphBuilder {
  /// Parameters of a region under construction: `prefix0`, `prefix1`, …
  func parameters(_ prefix: String, _ types: [TensorType]) throws -> [Value] {
    try types.enumerated().map { try parameter("\(prefix)\($0)", $1.dtype, $1.shape) }
  }

  /// The counterpart of a value that has been copied.
  package func counterpart(_ id: ValueID, _ map: [ValueID?]) throws -> Value {
    guard let value = map[id.index] else { throw ApusError.defect("\(id) of a region was not copied") }
    return self.value(value)
  }
}
