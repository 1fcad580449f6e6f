import ApusCore
import ApusGraph

/// An operator that draws random numbers. Counter-based: element i is a pure function of seed, counter and i, so that
/// any backend and any number of threads draws the same bits. Two draws with the same seed and counter are the same.
public protocol RandomOperator: Operator {
  /// The shape of the result.
  var shape: Shape { get set }
  /// f32 or f64.
  var dtype: DType { get set }
  /// The key of the generator.
  var seed: UInt64 { get set }
}

extension RandomOperator {
  init(_ dtype: DType, _ shape: Shape, seed: UInt64) {
    self.init()
    (self.dtype, self.shape, self.seed) = (dtype, shape, seed)
  }

  static func random(_ name: String, _ summary: String, _ attributes: [AttributeRecord]) -> OperatorRecord {
    OperatorRecord(
      name, .random, summary,
      operands: [OperandRecord("counter", DTypeSet([.i64]), "a scalar; each value is an independent stream")],
      attributes: [
        attribute("shape", \.shape, "the shape of the result", required: true),
        attribute("dtype", \.dtype, "f32 or f64"), attribute("seed", \.seed, "the key of the generator"),
      ] + attributes,
      traits: .random)
  }

  /// Checks what all draws share.
  /// - Throws: `TypeError`
  func drawnTypes(_ operands: [TensorType]) throws -> [TensorType] {
    guard operands[0].shape.isScalar else {
      throw TypeError("the counter must be a scalar, not \(operands[0])", operand: 0)
    }
    guard DTypeSet.floating.contains(dtype) else {
      throw TypeError("random numbers are \(DTypeSet.floating), not \(dtype)", attribute: "dtype")
    }
    return [TensorType(dtype, shape)]
  }

  /// `value` as an element of this draw, exact in a double.
  package func rounded(_ value: Double) -> Double { dtype == .f32 ? Double(Float(value)) : value }

  // Numbers that are drawn depend on nothing that is differentiable.
  public func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
}
