import ApusCore

extension Graph {
  /// The graph with symbols bound to numbers, in types and attributes.
  ///
  /// Passes and backends see specialized graphs only. Symbols that `bindings` omits stay.
  /// - Throws: `ApusError` that names the first node whose shapes do not fit for these numbers.
  public func specialized(_ bindings: [String: Int]) throws -> Graph {
    guard !bindings.isEmpty else { return self }
    for (symbol, size) in bindings.sorted(by: { $0.key < $1.key }) where size < 0 || size > Limits.magnitude {
      throw ApusError.input("'\(symbol)' cannot be \(size)")
    }
    return try rewritten(sharingEqualNodes: false) { node, operands, builder in
      .replace(
        try builder.append(
          node.op.specialized(bindings), operands, regions: node.regions.map { try $0.specialized(bindings) },
          names: names(of: node), origin: node.origin))
    }
  }

  /// The symbols' values that make `shapes` fit the parameters.
  /// - Parameter shapes: a shape for each parameter, in order.
  /// - Throws: `ApusError` that names the parameter and both shapes.
  public func bindings(for shapes: [[Int]]) throws -> [String: Int] {
    let parameters = self.parameters
    guard shapes.count == parameters.count else {
      throw ApusError.input("graph @\(name) takes \(parameters.count) inputs, not \(shapes.count)")
    }
    var bindings: [String: Int] = [:]
    for (id, given) in zip(parameters, shapes) {
      let declared = type(of: id).shape
      let mismatch = ApusError.input(
        "input \(label(of: id)) of graph @\(name) has shape \(Shape(given)), but \(declared) is declared")
      guard given.count == declared.rank else { throw mismatch }
      for (dim, n) in zip(declared.dims, given) {
        switch dim {
        case .number(let expected): guard expected == n else { throw mismatch }
        case .symbol(let symbol):
          guard bindings[symbol] ?? n == n else {
            throw ApusError.input(
              "input \(label(of: id)) of graph @\(name) has shape \(Shape(given)): \(symbol) is \(n) here and \(bindings[symbol] ?? n) in an input before it"
            )
          }
          bindings[symbol] = n
        }
      }
    }
    return bindings
  }

  /// The names of a node's results; nil for those that have none.
  public func names(of node: Node) -> [String?] { node.results.map { name(of: $0) } }
}
