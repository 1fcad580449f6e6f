import ApusCore
import ApusGraph

extension Graph {
  /// The position of each update's variable among the graph's variables.
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
