import ApusCore
import ApusGraph
import ApusOperators
import RealModule

/// A tensor whose folded axes are adjacent. If they are not in the operand it is transposed first, which is slow but rare.
struct FoldLayout {
  let x: Tensor
  /// Around the folded axes.
  let layout: AxisLayout

  init(_ x: Tensor, _ axes: [Int]) throws {
    if zip(axes, axes.dropFirst()).allSatisfy({ $0 + 1 == $1 }) {
      self.x = x
      layout = AxisLayout(x.dimensions, (axes.first ?? x.rank)..<((axes.last ?? x.rank - 1) + 1))
    } else {
      let kept = (0..<x.rank).filter { !axes.contains($0) }
      let order = kept + axes
      let own = StridedWalk.dense(x.dimensions)
      self.x = try gatherStrided(x, order.map { x.dimensions[$0] }, strides: order.map { own[$0] })
      layout = AxisLayout(self.x.dimensions, kept.count..<x.rank)
    }
  }

  /// Folds with an accumulator that may be wider than the elements.
  @inline(__always)
  func fold<T: TensorElement, A>(
    _ dimensions: [Int], _ type: T.Type, start: A, _ step: (A, T) -> A, _ finish: (A) -> T
  ) throws -> Tensor {
    let (outer, folded, inner) = (layout.outer, layout.size, layout.inner)
    var y = try Tensor(uninitialized: T.dtype, dimensions)
    // The other dimensions of an empty result can be of any size.
    if y.count == 0 { return y }
    let (px, py) = (x.address(of: T.self), y.mutableAddress(of: T.self))
    if inner == 1 {
      for o in 0..<outer {
        let row = px + o * folded
        var sum = start
        for i in 0..<folded { sum = step(sum, row[i]) }
        py[o] = finish(sum)
      }
    } else {
      // Whole rows at a time, so that reads are contiguous.
      let sums = UnsafeMutableBufferPointer<A>.allocate(capacity: max(inner, 1))
      defer { sums.deallocate() }
      for o in 0..<outer {
        sums.initialize(repeating: start)
        for f in 0..<folded {
          let row = px + (o * folded + f) * inner
          for i in 0..<inner { sums[i] = step(sums[i], row[i]) }
        }
        for i in 0..<inner { py[o * inner + i] = finish(sums[i]) }
      }
    }
    extendLifetime(x)
    return y
  }
}

/// A reduction of numbers.
protocol FoldKernel: Interpretable, ReductionOperator {
  /// On floats; `f32` is folded in double precision, because the reference must be accurate.
  static func fold<T: Real>(_ a: T, _ b: T) -> T
  static func fold<T: FixedWidthInteger>(integers a: T, _ b: T) -> T
  static func start<T: Real>(_ type: T.Type) -> T
  static func start<T: FixedWidthInteger>(integer type: T.Type) -> T
}

extension FoldKernel {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    let layout = try FoldLayout(x, Axis.normalized(axes, rank: x.rank))
    let dimensions = try context.dimensions()
    func integers<T: FixedWidthInteger & TensorElement>(_ type: T.Type) throws -> [Tensor] {
      [try layout.fold(dimensions, T.self, start: Self.start(integer: T.self), { Self.fold(integers: $0, $1) }, { $0 })]
    }
    switch x.dtype {
    case .f32:
      return [
        try layout.fold(
          dimensions, Float.self, start: Self.start(Double.self), { Self.fold($0, Double($1)) }, { Float($0) })
      ]
    case .f64:
      return [try layout.fold(dimensions, Double.self, start: Self.start(Double.self), { Self.fold($0, $1) }, { $0 })]
    case .i8: return try integers(Int8.self)
    case .u8: return try integers(UInt8.self)
    case .i32: return try integers(Int32.self)
    case .i64: return try integers(Int64.self)
    case .bf16, .f16, .bool: throw unsupported(x)
    }
  }
}

extension ReduceSum: FoldKernel {
  static func fold<T: Real>(_ a: T, _ b: T) -> T { a + b }
  static func fold<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { a &+ b }
  static func start<T: Real>(_ type: T.Type) -> T { 0 }
  static func start<T: FixedWidthInteger>(integer type: T.Type) -> T { 0 }
}

extension ReduceProduct: FoldKernel {
  static func fold<T: Real>(_ a: T, _ b: T) -> T { a * b }
  static func fold<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { a &* b }
  static func start<T: Real>(_ type: T.Type) -> T { 1 }
  static func start<T: FixedWidthInteger>(integer type: T.Type) -> T { 1 }
}

extension ReduceMax: FoldKernel {
  static func fold<T: Real>(_ a: T, _ b: T) -> T { a > b || a.isNaN ? a : b }
  static func fold<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { max(a, b) }
  static func start<T: Real>(_ type: T.Type) -> T { -.infinity }
  static func start<T: FixedWidthInteger>(integer type: T.Type) -> T { .min }
}

extension ReduceMin: FoldKernel {
  static func fold<T: Real>(_ a: T, _ b: T) -> T { a < b || a.isNaN ? a : b }
  static func fold<T: FixedWidthInteger>(integers a: T, _ b: T) -> T { min(a, b) }
  static func start<T: Real>(_ type: T.Type) -> T { .infinity }
  static func start<T: FixedWidthInteger>(integer type: T.Type) -> T { .max }
}

extension ReduceAny: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let layout = try FoldLayout(operands[0], Axis.normalized(axes, rank: operands[0].rank))
    return [try layout.fold(context.dimensions(), Bool.self, start: false, { $0 || $1 }, { $0 })]
  }
}

extension ReduceAll: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let layout = try FoldLayout(operands[0], Axis.normalized(axes, rank: operands[0].rank))
    return [try layout.fold(context.dimensions(), Bool.self, start: true, { $0 && $1 }, { $0 })]
  }
}

/// The position of an extremum: `beats` says whether a later element replaces the best so far.
private func argument<T: TensorElement & Comparable>(
  _ x: Tensor, _ axis: Int, _ dimensions: [Int], _ type: T.Type, _ beats: (_ new: T, _ best: T) -> Bool
) throws -> Tensor {
  let layout = AxisLayout(x, axis)
  var y = try Tensor(uninitialized: .i64, dimensions)
  x.withElements(as: T.self) { x in
    y.withMutableElements(as: Int64.self) { y in
      for o in 0..<layout.outer {
        for i in 0..<layout.inner {
          var best = 0
          for f in 1..<max(1, layout.size) {
            let new = x[(o * layout.size + f) * layout.inner + i]
            if beats(new, x[(o * layout.size + best) * layout.inner + i]) { best = f }
          }
          y[o * layout.inner + i] = Int64(best)
        }
      }
    }
  }
  return y
}

extension ArgumentOperator {
  fileprivate func evaluate(_ x: Tensor, _ context: KernelContext, largest: Bool) throws -> [Tensor] {
    let axis = try Axis.normalized(axis, rank: x.rank)
    let dimensions = try context.dimensions()
    func floats<T: BinaryFloatingPoint & TensorElement>(_ type: T.Type) throws -> [Tensor] {
      [
        try argument(x, axis, dimensions, T.self) { new, best in
          !best.isNaN && (new.isNaN || (largest ? new > best : new < best))
        }
      ]
    }
    func integers<T: FixedWidthInteger & TensorElement>(_ type: T.Type) throws -> [Tensor] {
      [try argument(x, axis, dimensions, T.self) { new, best in largest ? new > best : new < best }]
    }
    switch x.dtype {
    case .f32: return try floats(Float.self)
    case .f64: return try floats(Double.self)
    case .i8: return try integers(Int8.self)
    case .u8: return try integers(UInt8.self)
    case .i32: return try integers(Int32.self)
    case .i64: return try integers(Int64.self)
    case .bf16, .f16, .bool: throw unsupported(x)
    }
  }
}

extension ArgMax: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    try evaluate(operands[0], context, largest: true)
  }
}

extension ArgMin: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    try evaluate(operands[0], context, largest: false)
  }
}

extension CumulativeSum: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    let layout = AxisLayout(x, axis)
    func integers<T: FixedWidthInteger & TensorElement>(_ type: T.Type) throws -> [Tensor] {
      [try scan(x, layout, T.self, T.zero, { $0 &+ $1 }, { $0 })]
    }
    switch x.dtype {
    case .f32: return [try scan(x, layout, Float.self, 0.0, { $0 + Double($1) }, { Float($0) })]
    case .f64: return [try scan(x, layout, Double.self, 0.0, { $0 + $1 }, { $0 })]
    case .i8: return try integers(Int8.self)
    case .u8: return try integers(UInt8.self)
    case .i32: return try integers(Int32.self)
    case .i64: return try integers(Int64.self)
    case .bf16, .f16, .bool: throw unsupported(x)
    }
  }

  private func scan<T: TensorElement, A>(
    _ x: Tensor, _ layout: AxisLayout, _ type: T.Type, _ start: A, _ step: (A, T) -> A, _ finish: (A) -> T
  ) throws -> Tensor {
    var y = try Tensor(uninitialized: T.dtype, x.dimensions)
    x.withElements(as: T.self) { x in
      y.withMutableElements(as: T.self) { y in
        for o in 0..<layout.outer {
          for i in 0..<layout.inner {
            var sum = start
            for position in 0..<layout.size {
              let f = reverse ? layout.size - 1 - position : position
              let place = (o * layout.size + f) * layout.inner + i
              let next = step(sum, x[place])
              y[place] = finish(exclusive ? sum : next)
              sum = next
            }
          }
        }
      }
    }
    return y
  }
}
