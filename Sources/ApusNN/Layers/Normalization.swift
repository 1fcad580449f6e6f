import ApusCore
import ApusGraph
import ApusOperators

/// Features shifted and scaled by statistics of the data: y = (x − mean) / max(√variance, 10⁻⁷).
///
///     var normalization = Normalization()
///     try normalization.adapt(trainingInputs)
///
/// - Input: `(batch, …)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the layer has no statistics yet; the input's `axis` has another size than that of the data.
///
/// The statistics are constants of the graph. Defaults as in Keras.
public struct Normalization: Layer {
  public static let typeName = "Normalization"
  /// The axis that has statistics for each of its elements, counted with the batch; nil for one mean and one variance.
  public var axis: Int?
  /// One number for each element of `axis`, or a single one; nil before `adapt`.
  public var mean, variance: [Double]?
  /// Whether the layer undoes what it would do otherwise: y = x · max(√variance, 10⁻⁷) + mean.
  public var invert: Bool
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis that has statistics for each of its elements, counted with the batch, from the end if negative;
  ///     nil for one mean and one variance.
  ///   - mean: if it is known already; then `variance`, too.
  ///   - invert: whether the layer undoes the normalization.
  public init(
    axis: Int? = -1, mean: [Double]? = nil, variance: [Double]? = nil, invert: Bool = false, name: String? = nil
  ) {
    (self.axis, self.mean, self.variance, self.invert, self.name) = (axis, mean, variance, invert, name)
  }

  /// Computes the mean and the variance (divided by the number of samples) of data.
  /// - Parameter data: samples along axis 0.
  /// - Throws: `ApusError` if there are no samples, or the axis does not exist or is that of the samples.
  public mutating func adapt(_ data: Tensor) throws {
    let dims = data.dimensions
    let position = axis.map { $0 < 0 ? $0 + dims.count : $0 }
    guard let rows = dims.first, !dims.contains(0), position.map({ (1..<dims.count).contains($0) }) ?? true else {
      throw ApusError.input(
        "Normalization cannot adapt axis \(axis.map(String.init) ?? "none") to data of shape \(dims)",
        help: "samples along axis 0, none of them empty")
    }
    let size = position.map { dims[$0] } ?? 1
    // Elements that follow each other with one position on the axis.
    let run = position.map { dims[($0 + 1)...].reduce(1, *) } ?? 1
    let count = Double(dims.reduce(1, *) / size)
    /// The mean of f over all elements of each position, by parts that fit into the cache.
    func average(_ f: (Double, Int) -> Double) throws -> [Double] {
      var sums = [Double](repeating: 0, count: size)
      for start in stride(from: 0, to: rows, by: 256) {
        let part = try data.gather(rows: start..<min(start + 256, rows)).doubles()
        for (i, x) in part.enumerated() { sums[i / run % size] += f(x, i / run % size) }
      }
      return sums.map { $0 / count }
    }
    let mean = try average { x, _ in x }
    variance = try average { x, i in (x - mean[i]) * (x - mean[i]) }
    self.mean = mean
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard let mean, let variance, mean.count == variance.count, mean.allSatisfy(\.isFinite),
      variance.allSatisfy({ $0 >= 0 && $0.isFinite })
    else {
      throw context.error("it has no finite mean and variance of one size", help: "adapt(data), or give both")
    }
    let position = axis.flatMap(x.sampleAxis)
    let isFitting = position.map { x.shape[$0].number == mean.count }
    guard isFitting ?? (mean.count == 1) || mean.count == 1 else {
      throw context.error("axis \(axis.map(String.init) ?? "none") of \(x.type) does not have \(mean.count) elements")
    }
    let input = try x.dtype.isFloating ? x : x.cast(to: .f32)
    func constant(_ numbers: [Double]) throws -> Value {
      let vector = try context.constant(numbers, [numbers.count], input.dtype)
      guard numbers.count > 1, let position else { return try vector.reshaped([]) }
      return try vector.along(position, of: x)
    }
    let deviation = variance.map { max($0.squareRoot(), 1e-7) }
    return invert
      ? try input * constant(deviation) + constant(mean) : try (input - constant(mean)) / constant(deviation)
  }
}
