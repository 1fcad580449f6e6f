import ApusCore
import ApusKernels
import ApusPlanning

/// How a tensor's elements lie in a buffer: element (i, j, …) is at `offset` + i · strides[0] + j · strides[1] + …
public struct TensorView: Hashable, Sendable {
  public var dtype: DType
  public var dimensions: [Int]
  /// In elements; 0 repeats, negative runs backwards.
  public var strides: [Int]
  public var offset: Int

  public init(_ dtype: DType, _ dimensions: [Int], strides: [Int], offset: Int = 0) {
    self.dtype = dtype
    self.dimensions = dimensions
    self.strides = strides
    self.offset = offset
  }

  /// Row-major, without gaps.
  public init(_ dtype: DType, _ dimensions: [Int]) {
    self.init(dtype, dimensions, strides: TensorView.rowMajorStrides(dimensions))
  }

  public static func rowMajorStrides(_ dimensions: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    for axis in dimensions.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * dimensions[axis + 1] }
    return strides
  }

  public var count: Int { dimensions.reduce(1, *) }

  /// Whether the elements lie one after the other; axes of one element do not matter.
  public var isContiguous: Bool {
    count == 0
      || zip(dimensions, zip(strides, TensorView.rowMajorStrides(dimensions))).allSatisfy {
        $0 == 1 || $1.0 == $1.1
      }
  }

  /// One more than the largest position in the buffer that an element has; 0 where there are no elements.
  public var extent: Int {
    if count == 0 { return 0 }
    return zip(dimensions, strides).reduce(offset + 1) { $0 + ($1.0 - 1) * max(0, $1.1) }
  }
}
