import ApusCore
import ApusGraph
import ApusOperators

extension WinogradTransform: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let x = operands[0]
    let kernel = WinogradKernel(geometry: try geometry(x.shape), isTransposed: false)
    switch x.dtype {
    case .f32: return [try kernel.run(x, try context.zeroResult(), Float.self)]
    case .f64: return [try kernel.run(x, try context.zeroResult(), Double.self)]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw unsupported(x)
    }
  }
}

extension WinogradTranspose: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let v = operands[0]
    let kernel = WinogradKernel(geometry: try geometry(shape), isTransposed: true)
    switch v.dtype {
    case .f32: return [try kernel.run(v, try context.zeroResult(), Float.self)]
    case .f64: return [try kernel.run(v, try context.zeroResult(), Double.self)]
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw unsupported(v)
    }
  }
}

extension WinogradConvolution: Interpretable {
  /// The algorithm's steps by their own kernels; the direct sum where windows are all zeros, and everywhere if the steps
  /// give an infinity, NaN or a huge number.
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let types = operands.map { TensorType($0.dtype, $0.shape) }
    // Sums of nothing, or no sums: no tile has a shape then.
    if operands.contains(where: { $0.count == 0 }) || context.resultTypes[0].shape.elementCount == 0 {
      return [try context.zeroResult()]
    }
    return try evaluating(operands) { x, w in
      let products = try x.applying(dataTransform).matmul(w.applying(filterTransform))
      let result = try products.applying(resultTransform(context.resultTypes[0].shape))
      var isSound = try result.areOrdinary()
      if keepsZeros {
        // How many elements other than 0 the windows hold.
        let ones = try Tensor(repeating: 1, types[0].dtype, [3, 3, types[0].shape.numbers?[3] ?? 0, 1])
        let held = try x.equal(0).not().cast(to: types[0].dtype)
          .convolution(x.builder.constant(ones), padding: padding)
        isSound = try isSound.and(held.greater(0))
      }
      return try isSound.select(result, x.convolution(w, padding: padding))
    }
  }
}

extension WinogradFilterGradient: Interpretable {
  /// The algorithm's steps by their own kernels; the direct sum if they give an infinity, NaN or a huge number.
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    if operands.contains(where: { $0.count == 0 }) { return [try context.zeroResult()] }
    return try evaluating(operands) { x, g in
      /// All tiles of all images.
      func joined(_ tiles: Value) throws -> Value {
        let dims = tiles.shape.numbers ?? []
        return try tiles.reshaped(Shape([dims[0], dims[1] * dims[2], dims[3]]))
      }
      let sums = try joined(x.applying(dataTransform))
        .matmul(joined(g.applying(cotangentTransform)), transposeA: true)
      let points = try filterTransform.geometry(shape).transformed
      let result = try sums.reshaped(points).applying(filterTransform)
      return try result.areOrdinary().select(result, x.builder.append(direct, [x, g])[0])
    }
  }
}

extension Operator {
  /// The value that `body` makes of two operands.
  fileprivate func evaluating(
    _ operands: [Tensor], _ body: (_ a: Value, _ b: Value) throws -> Value
  ) throws -> [Tensor] {
    let builder = GraphBuilder(name)
    let (a, b) = (operands[0], operands[1])
    let result = try body(builder.parameter("a", a.dtype, a.shape), builder.parameter("b", b.dtype, b.shape))
    return try Interpreter(builder.build([result])).run(operands, variables: []).outputs
  }
}

extension Value {
  /// Whether all elements are finite and none is huge.
  fileprivate func areOrdinary() throws -> Value {
    try abs().less(scalar(WinogradConvolution.limit(of: dtype))).all()
  }

  fileprivate func applying(_ op: any Operator) throws -> Value { try builder.append(op, [self])[0] }
}

/// Each tile by itself, a channel at a time: P t Pᵀ, or Pᵀ t P added at the position of the tile. Sums are of doubles.
private struct WinogradKernel {
  let geometry: WinogradGeometry
  let isTransposed: Bool

  /// - Parameter zeros: of the result's shape.
  func run<Element: TensorElement & BinaryFloatingPoint>(
    _ x: Tensor, _ zeros: Tensor, _ type: Element.Type
  ) throws -> Tensor {
    var result = zeros
    let isFilter = geometry.part == .filter
    let dimensions = (isTransposed ? result : x).dimensions
    // A filter is one image whose channels are all pairs of an input and an output.
    let images = isFilter ? 1 : dimensions[0]
    let channels = isFilter ? dimensions[2] * dimensions[3] : dimensions[3]
    if images * channels * geometry.tileCount == 0 { return result }
    let (window, points) = (geometry.window, geometry.points)
    let p = geometry.matrix.rows
    let (height, width) = (geometry.size[0], geometry.size[1])
    let plane = images * geometry.tileCount * channels

    /// Visits the elements of a tile that are inside the image: its row and column in the tile, and its place in the image.
    func inside(_ tile: (Int, Int), _ body: (Int, Int, Int) -> Void) {
      for u in 0..<window {
        let row = tile.0 * geometry.step - geometry.low[0] + u
        for v in 0..<window where row >= 0 && row < height {
          let column = tile.1 * geometry.step - geometry.low[1] + v
          if column >= 0, column < width { body(u, v, row * width + column) }
        }
      }
    }

    try Tensor.withPointers(x, x, as: type) { x, _ in
      try result.withMutablePointer(as: type) { y in
        for n in 0..<images {
          for number in 0..<geometry.tileCount {
            let tile = (number / geometry.tiles[1], number % geometry.tiles[1])
            let first = (n * geometry.tileCount + number) * channels
            let image = n * height * width
            for c in 0..<channels {
              if isTransposed {
                let t = (0..<(points * points)).map { Double(x[$0 * plane + first + c]) }
                let sums = product(transposed(p), t, points)
                inside(tile) { u, v, place in
                  let at = (image + place) * channels + c
                  y[at] += Element(sums[u * window + v])
                }
              } else {
                var t = [Double](repeating: 0, count: window * window)
                inside(tile) { u, v, place in t[u * window + v] = Double(x[(image + place) * channels + c]) }
                for (point, sum) in product(p, t, window).enumerated() {
                  y[point * plane + first + c] = Element(sum)
                }
              }
            }
          }
        }
      }
    }
    return result
  }

  private func transposed(_ p: [[Double]]) -> [[Double]] { p[0].indices.map { j in p.map { $0[j] } } }

  /// P t Pᵀ, where t has `side` rows and columns.
  private func product(_ p: [[Double]], _ t: [Double], _ side: Int) -> [Double] {
    let columns = p.map { row in
      (0..<side).map { j in row.indices.reduce(0.0) { row[$1] == 0 ? $0 : $0 + row[$1] * t[$1 * side + j] } }
    }
    return columns.flatMap { column in
      p.map { row in row.indices.reduce(0.0) { row[$1] == 0 ? $0 : $0 + row[$1] * column[$1] } }
    }
  }
}
