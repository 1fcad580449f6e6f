import ApusCore
import ApusGraph

/// A box of elements, every stride-th along each axis.
public struct Slice: Operator {
  public var starts: [Int] = []
  public var limits: [Int] = []
  public var strides: [Int] = []

  /// A limit that means the axis's end, whatever its size.
  public static let end = Limits.magnitude

  public init() {}
  public init(starts: [Int], limits: [Int], strides: [Int]) {
    (self.starts, self.limits, self.strides) = (starts, limits, strides)
  }

  public static let record = OperatorRecord(
    "slice", .shape, "the elements from start up to limit, every stride-th, along each axis",
    operands: [OperandRecord("x", .any)],
    attributes: [
      attribute("starts", \.starts, "the first position along each axis", required: true),
      attribute("limits", \.limits, "the position after the last; \(Limits.magnitude) is the end", required: true),
      attribute("strides", \.strides, "the step along each axis; []: all 1"),
    ], traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let x = operands[0]
    for (list, name) in [(starts, "starts"), (limits, "limits"), (strides.isEmpty ? starts : strides, "strides")]
    where list.count != x.rank {
      throw TypeError("'\(name)' must have \(x.rank) elements, one for each axis of \(x)", attribute: name)
    }
    let dims = try x.shape.dims.enumerated().map { axis, dim -> Dim in
      let (start, limit, stride) = (starts[axis], limits[axis], stride(axis))
      guard stride >= 1 else { throw TypeError("a stride must be at least 1, not \(stride)", attribute: "strides") }
      switch dim {
      case .symbol:
        guard start == 0, limit == Slice.end, stride == 1 else {
          throw TypeError(
            "axis \(axis) of \(x) has a symbolic size and can only be taken whole", attribute: "starts",
            help: "start 0, limit \(Slice.end), stride 1")
        }
        return dim
      case .number(let n):
        let limit = limit == Slice.end ? n : limit
        guard start >= 0, start <= limit, limit <= n else {
          throw TypeError("\(start) up to \(limit) is not a range in axis \(axis) of \(x)", attribute: "limits")
        }
        return .number((limit - start + stride - 1) / stride)
      }
    }
    return [x.with(shape: Shape(dims))]
  }

  package func stride(_ axis: Int) -> Int { strides.isEmpty ? 1 : strides[axis] }

  // The cotangent at its old positions, zeros around and between.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let g = try context.cotangent
    var high: [Int] = []
    for axis in 0..<x.rank {
      guard let n = x.shape[axis].number, let m = g.shape[axis].number else {
        high.append(0)
        continue
      }
      high.append(n - starts[axis] - (m == 0 ? 0 : (m - 1) * stride(axis) + 1))
    }
    return [try g.padded(low: starts, high: high, interior: (0..<x.rank).map { stride($0) - 1 })]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool {
    operands[0].shape == results[0].shape
  }
}

/// A border, and gaps between the elements, filled with one value.
public struct Pad: Operator {
  public var low: [Int] = []
  public var high: [Int] = []
  public var interior: [Int] = []
  /// Exact, whatever the type of the elements.
  public var value: ExactNumber = 0

  public init() {}
  public init(low: [Int], high: [Int], interior: [Int], value: ExactNumber) {
    (self.low, self.high, self.interior, self.value) = (low, high, interior, value)
  }

  public static let record = OperatorRecord(
    "pad", .shape, "x with a border and gaps between its elements, filled with a value",
    operands: [OperandRecord("x", .any)],
    attributes: [
      attribute("low", \.low, "how many elements go before each axis", required: true),
      attribute("high", \.high, "how many elements go after each axis", required: true),
      attribute("interior", \.interior, "how many elements go between two of each axis; []: none"),
      attribute("value", \.value, "what they hold"),
    ], traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let x = operands[0]
    guard value.fits(x.dtype) else { throw TypeError("\(value) does not fit in \(x.dtype)", attribute: "value") }
    for (list, name) in [(low, "low"), (high, "high"), (interior.isEmpty ? low : interior, "interior")] {
      guard list.count == x.rank else {
        throw TypeError("'\(name)' must have \(x.rank) elements, one for each axis of \(x)", attribute: name)
      }
      guard list.allSatisfy({ $0 >= 0 }) else {
        throw TypeError("'\(name)' cannot be negative", attribute: name, help: "slice takes elements away")
      }
    }
    let dims = try x.shape.dims.enumerated().map { axis, dim -> Dim in
      switch dim {
      case .symbol:
        guard low[axis] == 0, high[axis] == 0, gap(axis) == 0 else {
          throw TypeError("axis \(axis) of \(x) has a symbolic size and cannot be padded", attribute: "low")
        }
        return dim
      case .number(let n): return .number(low[axis] + n + max(0, n - 1) * gap(axis) + high[axis])
      }
    }
    return [x.with(shape: Shape(dims))]
  }

  package func gap(_ axis: Int) -> Int { interior.isEmpty ? 0 : interior[axis] }

  // The cotangent at the positions of x.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let x = context.operands[0]
    let g = try context.cotangent
    var limits: [Int] = []
    for axis in 0..<x.rank {
      guard let n = x.shape[axis].number else {
        limits.append(Slice.end)
        continue
      }
      limits.append(low[axis] + (n == 0 ? 0 : (n - 1) * (gap(axis) + 1) + 1))
    }
    return [try g.sliced(starts: low, limits: limits, strides: (0..<x.rank).map { gap($0) + 1 })]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool {
    operands[0].shape == results[0].shape
  }
}

extension Value {
  /// The elements from `starts` up to `limits`, every stride-th, along each axis.
  public func sliced(starts: [Int], limits: [Int], strides: [Int] = []) throws -> Value {
    try apply(Slice(starts: starts, limits: limits, strides: strides))
  }

  /// The elements `from` … `to` − 1 along one axis, the others whole.
  public func sliced(axis: Int, from: Int, to: Int) throws -> Value {
    let axis = try normalized(axis, rank: rank)
    var starts = [Int](repeating: 0, count: rank)
    var limits = [Int](repeating: Slice.end, count: rank)
    (starts[axis], limits[axis]) = (from, to)
    return try sliced(starts: starts, limits: limits)
  }

  /// With a border of `value`, and gaps of `interior` elements between those along each axis.
  public func padded(low: [Int], high: [Int], interior: [Int] = [], value: ExactNumber = 0) throws -> Value {
    try apply(Pad(low: low, high: high, interior: interior, value: value))
  }
}
