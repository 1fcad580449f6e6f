import ApusCore
import ApusGraph
import Foundation

extension Variable {
  /// The first value: a pure function of the variable's name, type, initializer and seed, so it depends neither on the
  /// order of variables nor on what else is in the graph.
  /// - Parameter seed: the session's seed; the variable's own goes before it.
  /// - Throws: `ApusError` if the shape is symbolic or the initializer needs another rank or type.
  public func initialValue(seed sessionSeed: UInt64) throws -> Tensor {
    guard let dimensions = type.shape.numbers else {
      throw ApusError.input("variable '\(label)' has the symbolic shape \(type.shape), so it has no first value")
    }
    _ = try type.byteCountInMemory()
    // The stream is derived from the name, so that two variables of one seed differ.
    let numbers = RandomNumbers(seed: self.seed ?? sessionSeed, stream: StableHash.fnv1a(label))
    let (fanIn, fanOut) = Self.fans(dimensions)
    /// Var[w] = scale / fan as a uniform distribution: limit √(3 · scale / fan).
    func uniform(_ scale: Double, _ fan: Double) throws -> Tensor {
      let limit = (3 * scale / max(1, fan)).squareRoot()
      return try fill(dimensions, numbers, UniformDistribution(low: -limit, high: limit))
    }
    /// Var[w] = scale / fan as a normal distribution cut at two deviations, widened by what the cut takes away.
    func truncated(_ scale: Double, _ fan: Double) throws -> Tensor {
      let deviation = (scale / max(1, fan)).squareRoot() / 0.879_625_661_034_239_78
      return try fill(dimensions, from: numbers.generator) { $0.truncatedNormal() * deviation }
    }
    switch initializer {
    case .zeros: return try Tensor(zeros: type.dtype, dimensions)
    case .ones: return try Tensor(repeating: 1, type.dtype, dimensions)
    case .constant(let value): return try Tensor(filling: dimensions, with: value, type.dtype)
    case .uniform(let low, let high):
      return try fill(dimensions, numbers, UniformDistribution(low: low, high: high))
    case .normal(let mean, let deviation):
      return try fill(dimensions, numbers, NormalDistribution(mean: mean, deviation: deviation))
    case .truncatedNormal(let mean, let deviation):
      return try fill(dimensions, from: numbers.generator) { mean + deviation * $0.truncatedNormal() }
    case .glorotUniform: return try uniform(1, (fanIn + fanOut) / 2)
    case .glorotNormal: return try truncated(1, (fanIn + fanOut) / 2)
    case .heUniform: return try uniform(2, fanIn)
    case .heNormal: return try truncated(2, fanIn)
    case .lecunUniform: return try uniform(1, fanIn)
    case .lecunNormal: return try truncated(1, fanIn)
    case .orthogonal(let gain):
      guard let columns = dimensions.last, dimensions.count >= 2 else { throw needsMatrix }
      let rows = dimensions.dropLast().reduce(1, *)
      // The matrix, and what is left of it beside the tensor.
      _ = try TensorType(.f64, type.shape).byteCountInMemory()
      var generator = numbers.generator
      let elements = Orthogonal.matrix(rows: rows, columns: columns) { generator.normal() }[...]
      return try fill(dimensions, from: elements) { gain * ($0.popFirst() ?? 0) }
    case .identity(let gain):
      guard dimensions.count == 2 else { throw needsMatrix }
      return try fill(dimensions, from: -1) {
        $0 += 1
        return $0 / dimensions[1] == $0 % dimensions[1] ? gain : 0
      }
    case .forgetGateOnes:
      let units = (dimensions.last ?? 0) / 4
      return try fill(dimensions, from: -1) {
        $0 += 1
        let gate = units == 0 ? 0 : $0 % (4 * units) / units
        return gate == 1 ? 1 : 0
      }
    }
  }

  private var needsMatrix: ApusError {
    .input("variable '\(label)': the initializer \(initializer) needs a matrix, not \(type)")
  }

  /// How many inputs and outputs a unit has: for kernels of convolutions the receptive field counts in both.
  private static func fans(_ dimensions: [Int]) -> (Double, Double) {
    switch dimensions.count {
    case 0: return (1, 1)
    case 1: return (Double(dimensions[0]), Double(dimensions[0]))
    default:
      let field = dimensions.dropLast(2).reduce(1.0) { $0 * Double($1) }
      return (field * Double(dimensions[dimensions.count - 2]), field * Double(dimensions[dimensions.count - 1]))
    }
  }

  /// Elements one after the other.
  /// - Parameters:
  ///   - state: what gives the elements has before the first. It is passed along, not captured: there are many elements.
  ///   - next: the next element.
  private func fill<State>(
    _ dimensions: [Int], from state: State, _ next: (inout State) -> Double
  ) throws -> Tensor {
    try withoutActuallyEscaping(next) {
      var elements = ElementsInOrder(state: state, next: $0)
      return try filled(dimensions, by: &elements)
    }
  }

  /// Elements that blocks of random numbers give, each for itself.
  private func fill(
    _ dimensions: [Int], _ numbers: RandomNumbers, _ distribution: some BlockDistribution
  ) throws -> Tensor {
    var elements = ElementsByBlock(numbers: numbers, distribution: distribution)
    return try filled(dimensions, by: &elements)
  }

  private func filled(_ dimensions: [Int], by elements: inout some ElementSource) throws -> Tensor {
    // In place: a large model's weights are not to be there twice.
    var result = try Tensor(uninitialized: type.dtype, dimensions)
    switch type.dtype {
    case .f32: result.withMutableElements(as: Float.self) { elements.fill($0) }
    case .f64: result.withMutableElements(as: Double.self) { elements.fill($0) }
    case .bf16: result.withMutableElements(as: BFloat16.self) { elements.fill($0) }
    case .f16: result.withMutableElements(as: Float16.self) { elements.fill($0) }
    case .i8, .u8, .i32, .i64, .bool:
      throw ApusError.input("variable '\(label)' of type \(type.dtype) cannot be initialized by \(initializer)")
    }
    return result
  }
}

/// Random matrices with orthonormal rows or columns.
private enum Orthogonal {
  /// Q of the QR decomposition of a normal matrix, by modified Gram and Schmidt done twice (Giraud et al. 2005: twice is
  /// enough); R has a positive diagonal by construction, which makes the result uniform (Mezzadri 2007).
  static func matrix(rows: Int, columns: Int, _ normal: () -> Double) -> [Double] {
    let (long, short) = (max(rows, columns), min(rows, columns))
    var vectors: [[Double]] = []
    for _ in 0..<short {
      var v = (0..<long).map { _ in normal() }
      for _ in 0..<2 {
        for u in vectors {
          let dot = zip(u, v).reduce(0) { $0 + $1.0 * $1.1 }
          for i in v.indices { v[i] -= dot * u[i] }
        }
      }
      let norm = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
      vectors.append(v.map { $0 / norm })
    }
    var result = [Double](repeating: 0, count: rows * columns)
    for (k, vector) in vectors.enumerated() {
      for (i, x) in vector.enumerated() { result[rows >= columns ? i * columns + k : k * columns + i] = x }
    }
    return result
  }
}
