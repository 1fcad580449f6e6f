import ApusCore
import ApusGraph

extension Graph {
  /// The graph with every operator that depends on the mode replaced by what it does in `mode`.
  ///
  /// For training, if an operator counts steps, the graph gets a variable `%step: i64` (unless it has one) with the
  /// update step + 1 (unless it has one), and moving averages get their updates. Regions see the step as an additional
  /// invariant: the same mask in each step of a scan.
  /// - Throws: `ApusError` if a moving average is not a variable, is updated already, or `step` is taken by something
  ///   else.
  public func bound(to mode: Mode) throws -> Graph {
    guard dependsOnMode(where: { _ in true }) else { return self }
    let needsStep = mode == .training && dependsOnMode { $0.countsSteps }
    var own: Value?
    var declared: ValueID?
    if needsStep { declared = try declaredStep() }
    let bound = try rewritten { node, operands, builder in
      // After the header; the graph's own declaration may follow its first reader.
      if needsStep, own == nil, !(node.op is Parameter) {
        let initializer = declared.flatMap { producer(of: $0).op as? Variable }?.initializer ?? .zeros
        own = try builder.variable("step", .i64, [], initializer, trainable: false)
      }
      if let own, node.results.first == declared { return .replace([own.id]) }
      return try node.bound(to: mode, operands, resultTypes(of: node), step: own, builder, names: names(of: node))
    }
    for (position, update) in bound.updates.enumerated()
    where bound.updates[..<position].contains(where: { $0.variable == update.variable }) {
      throw ApusError.input(
        "\(bound.label(of: update.variable)) is updated by batch_norm and by the graph itself",
        help: "leave the update to batch_norm, or use batch_norm_training")
    }
    guard let own, !bound.updates.contains(where: { $0.variable == own.id }) else { return bound }
    let builder = GraphBuilder(extending: bound)
    let step = builder.value(own.id)
    try builder.update(step, to: step + builder.constant(Tensor(scalar: Int64(1))))
    return builder.build(outputs: bound.outputs)
  }

  /// The graph's own step counter.
  /// - Throws: `ApusError` if `step` names a declaration of another kind.
  private func declaredStep() throws -> ValueID? {
    for node in nodes where node.op is Parameter || node.op is Variable {
      guard name(of: node.result) == "step" else { continue }
      guard node.op is Variable, type(of: node.result) == .scalar(.i64) else {
        throw ApusError.input(
          "%step: \(type(of: node.result)) is a \(node.op.name), but training counts its steps under that name",
          help: "give it another name, or declare %step: i64 = variable(zeros, trainable: false)")
      }
      return node.result
    }
    return nil
  }

  /// Whether there is such an operator, in regions too.
  fileprivate func dependsOnMode(where isMeant: (any ModeDependentOperator.Type) -> Bool) -> Bool {
    nodes.contains { node in
      (node.op as? any ModeDependentOperator).map { isMeant(Swift.type(of: $0)) } ?? false
        || node.regions.contains { $0.dependsOnMode(where: isMeant) }
    }
  }

  /// A region bound to a mode.
  /// - Parameter takesStep: whether it gets the step as an additional parameter.
  fileprivate func bound(to mode: Mode, takesStep: Bool) throws -> Graph {
    let builder = GraphBuilder(name)
    var map = [ValueID?](repeating: nil, count: valueCount)
    for id in parameters {
      let node = producer(of: id)
      map[id.index] = try builder.append(node.op, [], names: names(of: node), origin: node.origin)[0]
    }
    var step: Value?
    if takesStep {
      // After the region's own parameters, which keep their positions.
      let taken = Set((0..<valueCount).compactMap { self.name(of: ValueID($0)) })
      var name = "step"
      while taken.contains(name) { name += "_" }
      step = try builder.parameter(name, .i64, [])
    }
    map = try copy(into: builder, map: map) { node, operands, builder in
      try node.bound(to: mode, operands, resultTypes(of: node), step: step, builder, names: names(of: node))
    }
    return builder.build(outputs: try outputs.map { try builder.counterpart($0, map).id })
  }
}

extension Node {
  fileprivate func bound(
    to mode: Mode, _ operands: [ValueID], _ types: [TensorType], step: Value?, _ builder: GraphBuilder,
    names: [String?]
  ) throws -> Rewrite {
    builder.origin = origin
    defer { builder.origin = Origin() }
    if let dependent = op as? any ModeDependentOperator {
      let values = try dependent.bound(to: mode, operands.map(builder.value), step: step, builder)
      guard values.map(\.type) == types else {
        throw dependent.fault(
          "\(op.name), bound to \(mode), gives \(values.map(\.type).list), but its shape rule says \(types.list)",
          help: "bound and resultTypes of an operator must agree")
      }
      return .replace(values.map(\.id))
    }
    guard regions.contains(where: { $0.dependsOnMode { _ in true } }) else { return .keep }
    let takesStep = mode == .training && regions.contains { $0.dependsOnMode { $0.countsSteps } }
    let inner = try regions.map { try $0.bound(to: mode, takesStep: takesStep) }
    let extra = takesStep ? [step].compactMap { $0?.id } : []
    return .replace(try builder.append(op, operands + extra, regions: inner, names: names, origin: origin))
  }
}
