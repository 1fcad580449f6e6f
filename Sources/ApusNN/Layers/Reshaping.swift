import ApusCore
import ApusGraph
import ApusOperators

/// All axes but the batch in one.
public struct Flatten: Layer {
  public static let typeName = "Flatten"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try x.flattened() }
}

/// The same elements of each sample under another shape; one dimension may be -1.
public struct Reshape: Layer {
  public static let typeName = "Reshape"
  public var target: [Int]
  public var name: String?

  public init(_ target: [Int], name: String? = nil) {
    self.target = target
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rest = Shape(Array(x.shape.dims.dropFirst()))
    var target = target
    if let gap = target.firstIndex(of: -1) {
      let others = Shape.elementCount(target.filter { $0 != -1 }) ?? 0
      guard let own = rest.elementCount, others > 0, own % others == 0, target.count(where: { $0 == -1 }) == 1 else {
        throw context.error("a sample of shape \(rest) cannot become \(target)")
      }
      target[gap] = own / others
    }
    guard rest.elementCount == Shape.elementCount(target), target.allSatisfy({ $0 >= 0 }) else {
      throw context.error("a sample of shape \(rest) cannot become \(target): the numbers of elements differ")
    }
    return try x.reshaped(Shape([x.shape[0]] + target.map(Dim.number)))
  }
}
