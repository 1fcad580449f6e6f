import Apus
import TestSupport
import Testing

/// Layers of convolutions against sums written out here.
@Suite struct ConvolutionLayerTests {
  private func images(_ dimensions: [Int]) throws -> Tensor {
    try Tensor((0..<dimensions.reduce(1, *)).map { Float($0 * 37 % 19) - 9 }, dimensions)
  }

  private func expect(_ y: Tensor, _ expected: [Float], _ dimensions: [Int]) {
    #expect(y.dimensions == dimensions)
    let difference = zip(y.elements(as: Float.self), expected).map { abs($0 - $1) }.max()
    #expect(y.elements(as: Float.self).count == expected.count && difference ?? 1 < 1e-3, "\(y)")
  }

  // MARK: Transposed

  /// Each element of x times the kernel, added where the kernel then lies; `low` rows and columns are cut off before.
  private func transposed(
    _ x: Tensor, _ w: Tensor, strides: (Int, Int), low: (Int, Int), size: (Int, Int), dilation: Int = 1
  ) -> [Float] {
    let (n, height, width, channels) = (x.dimensions[0], x.dimensions[1], x.dimensions[2], x.dimensions[3])
    let (rows, columns, filters) = (w.dimensions[0], w.dimensions[1], w.dimensions[2])
    let (xs, ws) = (x.elements(as: Float.self), w.elements(as: Float.self))
    var y = [Float](repeating: 0, count: n * size.0 * size.1 * filters)
    for b in 0..<n {
      for i in 0..<height {
        for j in 0..<width {
          for r in 0..<rows {
            for c in 0..<columns {
              let (p, q) = (i * strides.0 + r * dilation - low.0, j * strides.1 + c * dilation - low.1)
              guard (0..<size.0).contains(p), (0..<size.1).contains(q) else { continue }
              for f in 0..<filters {
                for k in 0..<channels {
                  y[((b * size.0 + p) * size.1 + q) * filters + f] +=
                    xs[((b * height + i) * width + j) * channels + k]
                    * ws[((r * columns + c) * filters + f) * channels + k]
                }
              }
            }
          }
        }
      }
    }
    return y
  }

  @Test func transposedConvolutionByHand() throws {
    // Ones over a row of three, every second place: windows overlap in one element, the last is cut off.
    let layer = Conv2DTranspose(1, kernelSize: [1, 3], strides: [1, 2], padding: .same, kernelInitializer: .ones)
    let y = try output(of: layer, counted([1, 1, 3, 1]))
    #expect(y == (try Tensor([1, 1, 3, 2, 5, 3] as [Float], [1, 1, 6, 1])))
  }

  @Test func transposedConvolutionWithoutPadding() throws {
    let (x, w) = (try images([2, 3, 2, 2]), try images([3, 2, 4, 2]))
    let y = try output(of: Conv2DTranspose(4, kernelSize: [3, 2], strides: [2, 3]), x, variables: ["kernel": w])
    // (3 − 1) · 2 + 3 rows; columns that no window reaches stay 0: 2 · 3.
    expect(y, transposed(x, w, strides: (2, 3), low: (0, 0), size: (7, 6)), [2, 7, 6, 4])
  }

  @Test func transposedConvolutionOfTheSameSize() throws {
    let (x, w) = (try images([1, 3, 4, 2]), try images([4, 3, 3, 2]))
    let y = try output(
      of: Conv2DTranspose(3, kernelSize: [4, 3], strides: [2, 1], padding: .same), x, variables: ["kernel": w])
    // A convolution of 6 × 4 has 2 · 2 + 4 − 6 = 2 rows of padding and 3 + 3 − 4 = 2 columns.
    expect(y, transposed(x, w, strides: (2, 1), low: (1, 1), size: (6, 4)), [1, 6, 4, 3])
  }

  @Test func outputPaddingMakesItLarger() throws {
    let (x, w) = (try images([1, 3, 3, 1]), try images([3, 3, 2, 1]))
    func layer(_ padding: Padding, _ extra: SpatialSize) -> Conv2DTranspose {
      Conv2DTranspose(2, kernelSize: 3, strides: 2, padding: padding, outputPadding: extra)
    }
    // (3 − 1) · 2 + 3 − 2 = 5 with padding on both sides.
    expect(
      try output(of: layer(.same, 0), x, variables: ["kernel": w]),
      transposed(x, w, strides: (2, 2), low: (1, 1), size: (5, 5)), [1, 5, 5, 2])
    expect(
      try output(of: layer(.same, [0, 1]), x, variables: ["kernel": w]),
      transposed(x, w, strides: (2, 2), low: (1, 0), size: (5, 6)), [1, 5, 6, 2])
    expect(
      try output(of: layer(.valid, 1), x, variables: ["kernel": w]),
      transposed(x, w, strides: (2, 2), low: (0, 0), size: (8, 8)), [1, 8, 8, 2])
  }

  @Test func transposedConvolutionWithDilationBiasAndActivation() throws {
    let (x, w) = (try images([1, 3, 3, 2]), try images([2, 2, 2, 2]))
    let bias = Tensor([1, -100] as [Float])
    let y = try output(
      of: Conv2DTranspose(2, kernelSize: 2, dilationRate: 2, activation: .relu), x,
      variables: ["kernel": w, "bias": bias])
    let sums = transposed(x, w, strides: (1, 1), low: (0, 0), size: (5, 5), dilation: 2)
    expect(y, sums.enumerated().map { max(0, $1 + ($0 % 2 == 0 ? 1 : -100)) }, [1, 5, 5, 2])
  }

  @Test func transposedConvolutionsThatDoNotFit() throws {
    let x = try images([1, 3, 3, 1])
    func message(_ layer: Conv2DTranspose) -> String { refusal { try output(of: layer, x) } }
    #expect(message(Conv2DTranspose(0, kernelSize: 1)).contains("'conv2d_transpose': the number of filters must be"))
    #expect(message(Conv2DTranspose(1, kernelSize: [1, 2, 3])).contains("the kernel has 3 sizes for 2 spatial axes"))
    #expect(
      message(Conv2DTranspose(1, kernelSize: 3, strides: 2, outputPadding: 2)).contains(
        "the output padding 2 must be below the stride 2"))
    #expect(
      message(Conv2DTranspose(1, kernelSize: 3, outputPadding: [-1, 0])).contains(
        "the output padding must be at least 0, not -1"))
    #expect(
      message(Conv2DTranspose(1, kernelSize: 2, strides: 2, padding: .same, outputPadding: 0)).contains(
        "a kernel that spans 2 elements needs an output padding of at least 1"))
    #expect(
      message(Conv2DTranspose(1, kernelSize: 2, padding: .explicit([[0, 0], [0, 0]]))).contains(
        "its padding is valid or same"))
    #expect(
      refusal { try output(of: Conv2DTranspose(1, kernelSize: 1), counted([1, 4])) }.contains("the input must be"))
  }

  // MARK: Depthwise and separable

  /// y[p, c · m + j] = Σ x[p + k, c] w[k, c, j], without padding.
  private func depthwise(_ x: Tensor, _ w: Tensor) -> [Float] {
    let (height, width, channels) = (x.dimensions[1], x.dimensions[2], x.dimensions[3])
    let (rows, columns, multiplier) = (w.dimensions[0], w.dimensions[1], w.dimensions[3])
    let (xs, ws) = (x.elements(as: Float.self), w.elements(as: Float.self))
    var y: [Float] = []
    for p in 0...(height - rows) {
      for q in 0...(width - columns) {
        for c in 0..<channels {
          for j in 0..<multiplier {
            var sum: Float = 0
            for r in 0..<rows {
              for s in 0..<columns {
                sum +=
                  xs[((p + r) * width + q + s) * channels + c] * ws[((r * columns + s) * channels + c) * multiplier + j]
              }
            }
            y.append(sum)
          }
        }
      }
    }
    return y
  }

  @Test func depthwiseKeepsChannelsApart() throws {
    let (x, w) = (try images([1, 4, 3, 3]), try images([2, 2, 3, 2]))
    let y = try output(of: DepthwiseConv2D(kernelSize: 2, depthMultiplier: 2), x, variables: ["kernel": w])
    expect(y, depthwise(x, w), [1, 3, 2, 6])
    let model = try Sequential(input: [4, 3, 3]) { DepthwiseConv2D(kernelSize: 2, depthMultiplier: 2) }
    #expect(model.parameterCount == 2 * 2 * 3 * 2 + 6)
  }

  @Test func separableMixesThem() throws {
    let (x, w) = (try images([1, 3, 3, 2]), try images([2, 2, 2, 2]))
    let mixing = try images([1, 1, 4, 3])
    let y = try output(
      of: SeparableConv2D(3, kernelSize: 2, depthMultiplier: 2), x,
      variables: ["depthwise_kernel": w, "pointwise_kernel": mixing, "bias": Tensor([1, 2, 3] as [Float])])
    let (between, m) = (depthwise(x, w), mixing.elements(as: Float.self))
    var expected: [Float] = []
    for place in 0..<4 {
      for f in 0..<3 {
        expected.append((0..<4).reduce(Float(f + 1)) { $0 + between[place * 4 + $1] * m[$1 * 3 + f] })
      }
    }
    expect(y, expected, [1, 2, 2, 3])
    let model = try Sequential(input: [3, 3, 2]) { SeparableConv2D(3, kernelSize: 2, depthMultiplier: 2) }
    #expect(model.parameterCount == 2 * 2 * 2 * 2 + 4 * 3 + 3)
  }

  @Test func parametersOfConvolutionsAreCounted() throws {
    let model = try Sequential(input: [8, 8, 3]) {
      Conv2DTranspose(5, kernelSize: [2, 3])
      Conv2DTranspose(2, kernelSize: 3, useBias: false)
      Conv2D(4, kernelSize: 3, groups: 2)
    }
    #expect(model.summaryTable.rows.map(\.parameterCount) == [2 * 3 * 5 * 3 + 5, 9 * 2 * 5, 9 * 1 * 4 + 4])
  }
}
