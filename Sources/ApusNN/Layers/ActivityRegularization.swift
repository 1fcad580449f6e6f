import ApusGraph

/// Passes its input on, which adds l1 · Σ |x| + l2 · Σ x² to the loss, divided by the number of samples.
///
/// - Input: any shape.
/// - Output: the input.
/// - Errors: a factor is negative or not finite; the element type is not a float.
///
/// Defaults as in Keras.
public struct ActivityRegularization: Layer {
  public static let typeName = "ActivityRegularization"
  public var l1, l2: Double
  public var name: String?

  /// - Parameters:
  ///   - l1: the factor of the sum of magnitudes.
  ///   - l2: the factor of the sum of squares.
  public init(l1: Double = 0, l2: Double = 0, name: String? = nil) { (self.l1, self.l2, self.name) = (l1, l2, name) }

  public var activityRegularizer: Regularizer? { .l1l2(l1, l2) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { x }
}
