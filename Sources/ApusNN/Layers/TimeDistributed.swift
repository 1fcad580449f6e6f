import ApusCore
import ApusGraph
import ApusOperators

/// A layer applied to each step of a sequence, with the same variables: y[n, t] = layer(x[n, t]).
///
/// - Input: `(batch, time, …)`.
/// - Output: `(batch, time, …)`, each step as the layer gives it.
/// - Variables: those of the layer, under its name.
/// - Errors: the input has fewer than three axes, or its time is unknown; those of the layer; the layer updates variables,
///   as a `BatchNormalization` that is not frozen does.
///
/// The steps are a loop, in which a dropout draws the same mask for each.
public struct TimeDistributed<Wrapped: Layer>: Layer {
  public static var typeName: String { "TimeDistributed" }
  public var layer: Wrapped
  public var name: String?

  public init(_ layer: Wrapped, name: String? = nil) { (self.layer, self.name) = (layer, name) }

  /// That of the layer: the sum over all steps.
  public var activityRegularizer: Regularizer? { layer.activityRegularizer }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard x.rank >= 3, x.shape[1].number != nil else {
      throw context.error("the input must be (batch, time, …), not \(x.type)")
    }
    let inner = layer.name ?? LayerNames.snakeCase(layer.displayedType)
    let sample = TensorType(x.dtype, Shape([x.shape[0]] + x.shape.dims.dropFirst(2)))
    let (region, variables) = try context.region([sample]) { [try layer.build($0[0], $1.inner(inner))] }
    let steps = try x.transposed([1, 0] + Array(2..<x.rank))
    let y = try context.builder.append(
      Scan(carries: 0, sequences: 1), [steps] + variables, regions: [region])[0]
    return try y.transposed([1, 0] + Array(2..<y.rank))
  }
}

extension TimeDistributed where Wrapped == SubModel {
  /// A model applied to each step.
  public init(_ model: some LayeredModel, name: String? = nil) { self.init(SubModel(model), name: name) }
}
