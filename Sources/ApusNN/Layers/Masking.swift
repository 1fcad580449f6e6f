import ApusCore
import ApusGraph
import ApusOperators

/// Marks the steps of sequences whose features all equal `maskValue`, and sets them to 0. Recurrent layers keep their state
/// in these steps, and `GlobalAveragePooling1D` leaves them out of the mean.
///
/// Layers that keep the steps in their places hand the mask on; those that move or mix steps, such as convolutions, drop it.
///
/// - Input: `(batch, time, features)`.
/// - Output: the shape of the input.
/// - Errors: the input does not have three axes.
///
/// Defaults as in Keras.
public struct Masking: Layer {
  public static let typeName = "Masking"
  public var maskValue: Double
  public var name: String?

  /// - Parameter maskValue: what all features of a step that does not count are.
  public init(maskValue: Double = 0, name: String? = nil) { (self.maskValue, self.name) = (maskValue, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard x.rank == 3 else { throw context.error("the input must be (batch, time, features), not \(x.type)") }
    let counts = try x.notEqual(maskValue).any(axes: [2], keepDims: true)
    let y = try counts.select(x, x.scalar(0))
    context.setMask(try counts.squeezed(axis: 2), of: y)
    return y
  }
}
