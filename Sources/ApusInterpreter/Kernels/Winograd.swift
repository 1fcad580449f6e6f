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
  /// The algorithm's steps, one after the other, by their own kernels.
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let shape = context.resultTypes[0].shape
    let builder = GraphBuilder("winograd_convolution")
    let (x, w) = (
      try builder.parameter("x", operands[0].dtype, Shape(operands[0].dimensions)),
      try builder.parameter("w", operands[1].dtype, Shape(operands[1].dimensions))
    )
    let data = builder.value(try builder.append(dataTransform, [x.id], origin: Origin())[0])
    let filter = builder.value(try builder.append(filterTransform, [w.id], origin: Origin())[0])
    let result = try builder.append(resultTransform(shape), [data.matmul(filter).id], origin: Origin())[0]
    return try Interpreter(builder.build(outputs: [result])).run(operands, variables: []).outputs
  }
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
