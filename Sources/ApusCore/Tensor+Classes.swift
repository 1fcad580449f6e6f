/// Classes as numbers and as vectors.
extension Tensor {
  /// The position of the largest element along an axis, the first of several; of NaN, if there is one, as in NumPy.
  /// - Parameter axis: negative numbers count from the last axis.
  /// - Returns: `i64`, without the axis.
  /// - Throws: `ApusError` if the axis does not exist or is empty.
  public func argMax(axis: Int = -1) throws -> Tensor {
    let position = axis < 0 ? axis + rank : axis
    guard dimensions.indices.contains(position), dimensions[position] > 0 else {
      throw ApusError.input("\(type) has no elements along axis \(axis)", help: "its axes are 0 to \(rank - 1)")
    }
    let numbers = doubles()
    let length = dimensions[position]
    let inner = dimensions[(position + 1)...].reduce(1, *)
    let outer = dimensions[..<position].reduce(1, *)
    var result: [Int64] = []
    result.reserveCapacity(outer * inner)
    for row in 0..<outer {
      for column in 0..<inner {
        let start = row * length * inner + column
        var best = 0
        for i in 1..<max(length, 1) {
          let (x, y) = (numbers[start + i * inner], numbers[start + best * inner])
          if x > y || x.isNaN && !y.isNaN { best = i }
        }
        result.append(Int64(best))
      }
    }
    return try Tensor(result, Array(dimensions[..<position]) + dimensions[(position + 1)...])
  }

  /// Class numbers as vectors of `f32` with a 1 at the class and 0 elsewhere, along a new last axis.
  /// - Throws: `ApusError` that names the first element that is not a class.
  public func oneHot(classCount: Int) throws -> Tensor {
    guard dtype.isInteger else {
      throw ApusError.input("class numbers are integers, not \(type)", help: "convert them: Tensor(x, as: Int32.self)")
    }
    guard classCount > 0 else { throw ApusError.input("there cannot be \(classCount) classes") }
    var result = try Tensor(zeros: .f32, dimensions + [classCount])
    let numbers = doubles()
    try result.withMutableElements(as: Float.self) { elements in
      for (index, number) in numbers.enumerated() {
        guard number >= 0, number < Double(classCount) else {
          throw ApusError.input(
            "element \(index) is \(DecimalText.describe(number)), which is none of \(classCount) classes",
            help: "classes are 0 … \(classCount - 1)")
        }
        elements[index * classCount + Int(number)] = 1
      }
    }
    return result
  }
}
