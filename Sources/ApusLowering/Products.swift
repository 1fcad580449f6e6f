import ApusGraph
import ApusOperators

extension Graph {
  /// For each value whether it is a product but for its shape and its sign.
  /// - Parameter positions: of the parameters that are products where they were computed.
  func productValues(given positions: Set<Int> = []) -> [Bool] {
    var isProduct = [Bool](repeating: false, count: valueCount)
    for (position, parameter) in parameters.enumerated() { isProduct[parameter.index] = positions.contains(position) }
    for node in nodes {
      switch node.op {
      case is Parameter: continue
      case is any ProductLowerable: isProduct[node.result.index] = true
      case is any ViewLowerable, is Negate, is StopGradient:
        isProduct[node.result.index] = isProduct[node.operands[0].index]
      case is Fusion:
        let region = node.regions[0].productValues(
          given: Set(node.operands.indices.filter { isProduct[node.operands[$0].index] }))
        for (result, output) in zip(node.results, node.regions[0].outputs) {
          isProduct[result.index] = region[output.index]
        }
      default: continue
      }
    }
    return isProduct
  }
}
