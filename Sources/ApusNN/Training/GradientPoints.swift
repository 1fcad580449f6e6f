import ApusCore
import ApusGraph
import ApusOperators

/// A graph whose loss is computed where an optimizer takes its gradients: at the trained variables, or at points beside them.
struct GradientPoints {
  let graph: Graph
  /// Of each trained variable its name, the variable, and the point.
  private(set) var trained: [(name: String, variable: ValueID, point: ValueID)]

  /// - Parameters:
  ///   - graph: reads the variables.
  ///   - trained: the variables that are changed.
  init(_ graph: Graph, _ trained: [(id: ValueID, declaration: Variable)], _ optimizer: any Optimizer) throws {
    self.trained = trained.map { ($0.declaration.label, $0.id, $0.id) }
    guard try trained.contains(where: { try optimizer.hasPoint($0.declaration) }) else {
      self.graph = graph
      return
    }
    var places: [String: (variable: ValueID, point: ValueID)] = [:]
    let names = Set(trained.map(\.declaration.label))
    self.graph = try graph.rewritten { node, operands, builder in
      guard let variable = node.op as? Variable, names.contains(variable.label) else { return .keep }
      let new = try builder.append(variable, operands, names: [variable.label], origin: node.origin)[0]
      let value = builder.value(new)
      let state = OptimizerState(variable: try value.widened(), name: variable.label, turn: nil)
      let point = try optimizer.gradientPoint(of: state.variable, state)?.cast(to: value.dtype) ?? value
      places[variable.label] = (new, point.id)
      return .replace([point.id])
    }
    self.trained = try trained.map {
      guard let place = places[$0.declaration.label] else {
        throw ApusError.defect("'\($0.declaration.label)' has no point at which its gradient is taken")
      }
      return ($0.declaration.label, place.variable, place.point)
    }
  }
}

extension Optimizer {
  /// Whether the gradient of a variable is taken beside it.
  fileprivate func hasPoint(_ variable: Variable) throws -> Bool {
    let value = try GraphBuilder("scratch").variable(variable.label, variable.type.dtype, variable.type.shape).widened()
    return try gradientPoint(of: value, OptimizerState(variable: value, name: variable.label, turn: nil)) != nil
  }
}
