import ApusCore
import ApusGraph
import ApusOperators

/// A function as a layer: `Lambda { try $0 * $0 }`.
///
/// - Input: any shape.
/// - Output: what the function gives, batch first.
/// - Errors: those of the function.
public struct Lambda: Layer {
  public static let typeName = "Lambda"
  /// The function may move or mix steps.
  public static let passesMask = false
  public let function: @Sendable (Value) throws -> Value
  public var name: String?

  /// - Parameter function: appends nodes to the graph of its argument.
  public init(name: String? = nil, _ function: @escaping @Sendable (Value) throws -> Value) {
    (self.function, self.name) = (function, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let y = try function(x)
    guard y.shape.dims.first == x.shape.dims.first else {
      throw context.error("its function gives \(y.type), which does not have the batch of \(x.type) as its first axis")
    }
    return y
  }
}

/// y = x.
public struct Identity: Layer {
  public static let typeName = "Identity"
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { x }
}

/// Products of two tensors' samples: sums over one axis of each, y[n, i…, j…] = Σ x₁[n, i…, k, …] · x₂[n, …, k, j…] over k.
///
/// - Inputs: two tensors with equal sizes along the axes that are summed.
/// - Output: `(batch, …)`: the other axes of the first input, then those of the second; `(batch, 1)` if there are none.
/// - Errors: an axis is the batch or does not exist; the sizes along the axes or the element types differ.
///
/// Defaults as in Keras.
public struct Dot: MergeLayer {
  public static let typeName = "Dot"
  public static let passesMask = false
  /// The axis of each input, counted with the batch, from the end if negative.
  public var axes: [Int]
  /// Whether vectors along the axes are scaled to length 1 first, so that the products are cosines.
  public var normalize: Bool
  public var name: String?

  /// - Parameters:
  ///   - axes: the axis of each input, counted with the batch, from the end if negative.
  ///   - normalize: whether vectors along the axes are scaled to length 1 first.
  public init(axes: [Int], normalize: Bool = false, name: String? = nil) {
    (self.axes, self.normalize, self.name) = (axes, normalize, name)
  }

  /// - Parameter axes: the axis of both inputs.
  public init(axes: Int, normalize: Bool = false, name: String? = nil) {
    self.init(axes: [axes, axes], normalize: normalize, name: name)
  }

  public func build(_ inputs: [Value], _ context: LayerContext) throws -> Value {
    guard inputs.count == 2, axes.count == 2, inputs[0].dtype == inputs[1].dtype else {
      throw context.error("it takes two inputs of one element type and an axis of each, not \(context.list(inputs))")
    }
    let positions = zip(axes, inputs).compactMap { $1.sampleAxis($0) }
    guard positions.count == 2, inputs[0].shape[positions[0]] == inputs[1].shape[positions[1]]
    else {
      throw context.error("axes \(axes) of \(context.list(inputs)) are not axes of samples of one size")
    }
    let (x, y) = try (
      normalize ? inputs[0].scaledToUnitLength(axis: positions[0]) : inputs[0],
      normalize ? inputs[1].scaledToUnitLength(axis: positions[1]) : inputs[1]
    )
    let product = try x.dotGeneral(
      y, contractingA: [positions[0]], contractingB: [positions[1]], batchA: [0], batchB: [0])
    return product.rank == 1 ? try product.expandedDims(at: 1) : product
  }
}
