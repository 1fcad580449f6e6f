import ApusCore
import ApusGraph

extension RandomInputs {
  /// A value for a parameter; integers by which the graph looks up are below what it looks up in.
  package func tensor(for parameter: ValueID, of graph: Graph) throws -> Tensor {
    let type = graph.type(of: parameter)
    let name = graph.name(of: parameter) ?? ""
    guard let limit = graph.indexLimit(of: parameter) else { return try tensor(name, type) }
    let largest =
      switch type.dtype {
      case .u8: 256
      case .i8: 128
      default: Int(Int32.max)
      }
    return try tensor(name, type, integersBelow: min(limit, largest))
  }

  /// Feeds and values of variables for a static graph.
  package func arguments(of graph: Graph) throws -> (feeds: [Tensor], variables: [Tensor]) {
    (
      try graph.parameters.map { try tensor(for: $0, of: graph) },
      try graph.variables.map { try tensor($0.declaration) }
    )
  }

  /// A value for a variable of the size that training begins with (LeCun et al. 1998): sums of products stay near 1. With
  /// larger ones a recurrent network makes a rounding into another number within few steps.
  package func weights(_ variable: Variable) throws -> Tensor {
    let dims = variable.type.shape.numbers ?? []
    guard dims.count > 1, variable.initializer != .ones else { return try tensor(variable) }
    let range = (3 / Double(max(1, dims.dropLast().reduce(1, *)))).squareRoot()
    return try tensor(variable.label, variable.type, floats: -range..<range)
  }
}
