import ApusCore
import ApusGraph
import ApusPlanning

// Passes drop variables: a plan counts those of the graph that was lowered, a caller those of the graph it knows.

extension Graph {
  /// For each variable of a graph that passes have made of this one, its position here.
  func positions(ofVariablesOf prepared: Graph) throws -> [Int] {
    let labels = variables.map(\.declaration.label)
    return try prepared.variables.map { variable in
      guard let position = labels.firstIndex(of: variable.declaration.label) else {
        throw ApusError.defect("variable '\(variable.declaration.label)' is not one of graph @\(name)")
      }
      return position
    }
  }

  /// The position of each update's variable.
  var updatedVariables: [Int] {
    get throws {
      let positions = Dictionary(variables.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
      return try updates.map { update in
        guard let position = positions[update.variable] else {
          throw ApusError.defect("an update of graph @\(name) is of no variable of it")
        }
        return position
      }
    }
  }
}

extension KernelProgram {
  /// With the variables of another graph.
  /// - Parameter positions: there, by position here.
  func placingVariables(_ positions: [Int]) -> KernelProgram {
    var program = self
    for index in program.buffers.indices {
      if case .variable(let position) = program.buffers[index].place {
        program.buffers[index].place = .variable(positions[position])
      }
    }
    return program
  }
}
