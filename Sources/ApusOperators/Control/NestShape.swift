import ApusCore
import ApusGraph

/// How a fusion's loops run: decided when the fusion is made, read when it is lowered.
///
/// All values of the region are numbered over the axes of one *domain*. A value either is aligned with the domain at the
/// last axis, as NumPy broadcasts, or lacks the axes that the fusion's reductions fold.
public struct NestShape: Hashable, Sendable {
  /// The shape that the loops run over.
  public var domain: Shape
  /// The axes of the domain that reductions fold, in ascending order.
  public var foldedAxes: [Int]
  /// Positions of the region's values that lack the folded axes, in ascending order.
  public var foldedValues: [Int]

  public init(domain: Shape, foldedAxes: [Int] = [], foldedValues: [Int] = []) {
    self.domain = domain
    self.foldedAxes = foldedAxes
    self.foldedValues = foldedValues
  }

  /// The shape that a region's own types imply: for a node that is a nest by itself, and for a fusion in a text that
  /// does not state it.
  ///
  /// The domain is what the first reduction folds, or the result of the highest rank. A value lacks the folded axes if a
  /// reduction dropped them, or if it is combined with such a value.
  public init(of region: Graph) throws {
    let first = region.nodes.lazy.compactMap { node in node.op.asReduction.map { (node, $0) } }.first
    guard let (node, op) = first else {
      self.init(domain: region.outputTypes.map(\.shape).max { $0.rank < $1.rank } ?? .scalar)
      return
    }
    let domain = region.type(of: node.operands[0]).shape
    let axes = try Axis.normalized(op.axes, rank: domain.rank)
    self.init(domain: domain, foldedAxes: axes, foldedValues: NestShape.foldedValues(of: region, axes, domain))
  }

  private static func foldedValues(of region: Graph, _ axes: [Int], _ domain: Shape) -> [Int] {
    // A scalar for all that is folded is aligned with anything.
    if axes.isEmpty || axes.count == domain.rank { return [] }
    var isFolded = [Bool](repeating: false, count: region.valueCount)
    for node in region.nodes {
      if let op = node.op.asReduction {
        isFolded[node.result.index] = !op.keepDims
      } else if node.operands.contains(where: { isFolded[$0.index] }) {
        for result in node.results { isFolded[result.index] = true }
        var pending = node.operands
        while let operand = pending.popLast() {
          let producer = region.producer(of: operand)
          guard !isFolded[operand.index], producer.op.asReduction == nil else { continue }
          isFolded[operand.index] = true
          pending += producer.operands
        }
      }
    }
    return isFolded.indices.filter { isFolded[$0] }
  }

  /// Whether a value of the domain's rank or less can be numbered over the domain.
  func fits(_ shape: Shape, isFolded: Bool) -> Bool {
    let axes = isFolded ? domain.dims.indices.filter { !foldedAxes.contains($0) } : Array(domain.dims.indices)
    guard shape.rank <= axes.count else { return false }
    return zip(shape.dims.reversed(), axes.reversed()).allSatisfy { $0 == 1 || $0 == domain[$1] }
  }
}
