import ApusCore

/// What becomes of a node in a rewrite.
public enum Rewrite {
  /// The same node, its operands mapped.
  case keep
  /// These values of the new graph take the place of its results, one for each.
  case replace([ValueID])
}

extension Graph {
  /// A forward walk that builds a new graph: each node is kept or replaced, operands mapped along.
  ///
  /// The one way in which passes change a graph. Outputs and updates are carried over. The result holds what `visit`
  /// appended, whether something reads it or not: `withoutDeadNodes` drops the rest.
  /// - Parameters:
  ///   - sharingEqualNodes: whether equal nodes become one on the way.
  ///   - keeping: for each node whether it is visited; nil: all are. The others are left out, and nothing that is kept
  ///     may read their results.
  ///   - visit: is called with each node of this graph, its operands in the new graph, and the new graph's builder.
  /// - Throws: what `visit` throws; `ApusError` that names the node if a replacement does not fit.
  public func rewritten(
    sharingEqualNodes: Bool = true, keeping: [Bool]? = nil,
    _ visit: (_ node: Node, _ operands: [ValueID], _ builder: GraphBuilder) throws -> Rewrite
  ) throws -> Graph {
    let builder = GraphBuilder(name, sharingEqualNodes: sharingEqualNodes)
    let map = try copy(into: builder, map: .init(repeating: nil, count: values.count), keeping: keeping, visit)
    func mapped(_ id: ValueID) throws -> ValueID {
      guard let new = map[id.index] else {
        throw ApusError.defect("@\(name): \(label(of: id)) was left out but is used")
      }
      return new
    }
    for update in updates { try builder.appendUpdate(mapped(update.variable), mapped(update.value)) }
    return try builder.build(outputs: outputs.map(mapped))
  }

  /// Appends this graph's nodes to another, without those whose results have a counterpart already.
  /// - Parameters:
  ///   - map: for each value of this graph its counterpart in `builder`; nil if it has none yet.
  ///   - keeping: for each node whether it is copied; nil: all are.
  ///   - visit: as in `rewritten`.
  /// - Returns: `map` with the counterparts of all values that were copied.
  public func copy(
    into builder: GraphBuilder, map: [ValueID?], keeping: [Bool]? = nil,
    _ visit: (_ node: Node, _ operands: [ValueID], _ builder: GraphBuilder) throws -> Rewrite = { _, _, _ in .keep }
  ) throws -> [ValueID?] {
    var map = map
    for node in nodes where keeping?[node.id.index] ?? true {
      if node.results.contains(where: { map[$0.index] != nil }) { continue }
      let operands = try node.operands.map { id in
        guard let new = map[id.index] else {
          throw ApusError.defect("@\(name): \(label(of: id)) is read by \(node.op.name) but was left out")
        }
        return new
      }
      let results: [ValueID]
      do {
        switch try visit(node, operands, builder) {
        case .keep:
          results = try builder.append(
            node.op, operands, regions: node.regions, names: names(of: node), origin: node.origin)
        case .replace(let values): results = values
        }
      } catch let error as TypeError {
        let origin = node.origin.name.map { " ('\($0)')" } ?? ""
        throw ApusError.input(
          "\(label(of: node.results[0])) = \(node.op.name)\(origin): \(error.message)", help: error.help)
      }
      guard results.count == node.results.count else {
        throw ApusError.defect(
          "\(node.op.name) was replaced by \(results.count) values instead of \(node.results.count)")
      }
      for (old, new) in zip(node.results, results) { map[old.index] = new }
    }
    return map
  }

  /// Appends a region's computation to another graph, its parameters replaced by `arguments`.
  /// - Parameter arguments: a value of `builder` for each parameter of this graph, in order.
  /// - Returns: the counterparts of its outputs.
  public func inlined(into builder: GraphBuilder, _ arguments: [ValueID]) throws -> [ValueID] {
    var map = [ValueID?](repeating: nil, count: values.count)
    for (parameter, argument) in zip(parameters, arguments) { map[parameter.index] = argument }
    map = try copy(into: builder, map: map) { node, operands, builder in
      // Names belong to the region: inlined twice they would clash.
      .replace(try builder.append(node.op, operands, regions: node.regions, origin: node.origin))
    }
    return try outputs.map { id in
      guard let new = map[id.index] else { throw ApusError.defect("a region's output was not computed") }
      return new
    }
  }
}
