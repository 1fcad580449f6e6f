import ApusGraph
import ApusOperators

extension Graph {
  /// Whether a value is a product but for its shape and its sign.
  /// - Parameter positions: of the parameters that are products where they were computed.
  func isProduct(_ id: ValueID, given positions: Set<Int> = []) -> Bool {
    var id = id
    while true {
      let producer = producer(of: id)
      switch producer.op {
      case is any ProductLowerable: return true
      case is Parameter: return !positions.isEmpty && parameters.firstIndex(of: id).map(positions.contains) == true
      case is any ViewLowerable, is Negate, is StopGradient: id = producer.operands[0]
      case is Fusion:
        let position = producer.results.firstIndex(of: id) ?? 0
        return producer.regions[0].isProduct(producer.regions[0].outputs[position])
      default: return false
      }
    }
  }

  /// The operands of a node that are products, by position.
  func products(of node: Node) -> Set<Int> { Set(node.operands.indices.filter { isProduct(node.operands[$0]) }) }
}
