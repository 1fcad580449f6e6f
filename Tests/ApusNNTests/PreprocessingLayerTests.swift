import Apus
import Testing

/// What the table of Keras's values does not say of layers that prepare data: refusals, and shapes that fit otherwise.
@Suite struct PreprocessingLayerTests {
  @Test func normalizationWithoutStatistics() throws {
    let x = try counted([4, 3])
    #expect(
      refusal { try output(of: Normalization(), x) }.contains(
        "layer 'normalization': it has no finite mean and variance of one size\n  help: adapt(data), or give both"))
    #expect(
      refusal { try output(of: Normalization(mean: [1, 2], variance: [1, 1]), x) }.contains("does not have 2 elements"))
    var layer = Normalization(axis: 0)
    #expect(refusal { try layer.adapt(x) }.contains("Normalization cannot adapt axis 0 to data of shape [4, 3]"))
    layer.axis = -1
    #expect(refusal { try layer.adapt(Tensor(zeros: .f32, [0, 3])) }.contains("none of them empty"))
  }

  /// More samples than are read at a time, as bytes.
  @Test func adaptsToLargeData() throws {
    let pixels: [UInt8] = (0..<1200).map { i -> UInt8 in UInt8(i % 7 * 3 + i % 2) }
    let data = try Tensor(pixels, [600, 2])
    var layer = Normalization()
    try layer.adapt(data)
    for column in 0..<2 {
      let values: [Double] = stride(from: column, to: 1200, by: 2).map { Double(pixels[$0]) }
      let mean: Double = values.reduce(0, +) / 600
      let squares: [Double] = values.map { ($0 - mean) * ($0 - mean) }
      let variance: Double = squares.reduce(0, +) / 600
      #expect(abs(layer.mean![column] - mean) < 1e-12 && abs(layer.variance![column] - variance) < 1e-12)
    }
    let y = try output(of: layer, data).doubles()
    #expect(abs(y.reduce(0, +)) < 1e-2)
  }

  @Test func encodings() throws {
    let classes = try Tensor([2, 0, 5] as [Int32], [1, 3])
    #expect(
      try output(of: CategoryEncoding(numTokens: 3, outputMode: .oneHot), classes)
        == Tensor([0, 0, 1, 1, 0, 0, 0, 0, 0] as [Float], [1, 3, 3]))
    #expect(try output(of: CategoryEncoding(numTokens: 3), classes) == Tensor([1, 0, 1] as [Float], [1, 3]))
    #expect(
      refusal { try output(of: CategoryEncoding(numTokens: 3), counted([1, 2])) }.contains(
        "layer 'category_encoding': it takes whole numbers, not f32[batch, 2]"))
    #expect(refusal { try output(of: CategoryEncoding(numTokens: 0), classes) }.contains("must be positive, not 0"))
    #expect(
      refusal { try output(of: Discretization(binBoundaries: [1, 1]), classes) }.contains(
        "layer 'discretization': the boundaries must increase, not [1.0, 1.0]"))
    #expect(
      try output(of: Discretization(binBoundaries: [0, 3]), classes) == Tensor([1, 1, 2] as [Int64], [1, 3]))
  }

  @Test func groupsDivideChannels() throws {
    #expect(
      refusal { try output(of: GroupNormalization(), counted([1, 2, 6])) }.contains(
        "layer 'group_normalization': 32 groups do not divide 6 channels"))
    #expect(
      refusal { try output(of: UnitNormalization(axis: 0), counted([1, 2])) }.contains("is not an axis of its samples"))
    #expect(
      try output(of: UnitNormalization(), Tensor(zeros: .f32, [2, 3])) == Tensor(zeros: .f32, [2, 3]),
      "zeros stay zeros")
    #expect(
      refusal { try output(of: RMSNormalization(epsilon: -1), counted([1, 2])) }.contains("epsilon must be at least 0"))
  }

  @Test func functionsAndProducts() throws {
    let x = try counted([2, 3])
    #expect(try output(of: Lambda { try $0 * 2 }, x) == counted([2, 3], scale: 2))
    #expect(try output(of: Identity(), x) == x)
    #expect(
      refusal { try output(of: Lambda { try $0.sum() }, x) }.contains(
        "layer 'lambda': its function gives f32, which does not have the batch"))
    #expect(
      refusal { try output(of: Dot(axes: 1), [x, counted([2, 4])]) }.contains(
        "layer 'dot': axes [1, 1] of f32[batch, 3], f32[batch, 4] are not axes of samples of one size"))
    #expect(refusal { try output(of: Dot(axes: 1), [x]) }.contains("it takes two inputs of one element type"))
  }

  @Test func sizesThatDoNotFit() throws {
    let x = try counted([1, 3, 2])
    #expect(
      refusal { try output(of: Cropping1D(cropping: 2), x) }.contains(
        "layer 'cropping1d': nothing is left of f32[batch, 3, 2] when [[2, 2]] is cut off"))
    #expect(
      refusal { try output(of: ZeroPadding1D(padding: [[1]]), x) }.contains(
        "layer 'zero_padding1d': the padding must be [[left, right]], none negative"))
    #expect(refusal { try output(of: UpSampling1D(size: 0), x) }.contains("the size must be positive, not 0"))
    #expect(refusal { try output(of: Conv3DTranspose(2, kernelSize: 2), x) }.contains("depth, height, width, channels"))
    #expect(
      refusal { try output(of: Resizing(height: 0, width: 2), counted([1, 2, 2, 1])) }.contains("the height must"))
    // The default pools windows of 2.
    #expect(try output(of: AveragePooling1D(), counted([1, 4, 1])) == Tensor([1.5, 3.5] as [Float], [1, 2, 1]))
    #expect(try output(of: MinPooling1D(), counted([1, 4, 1])) == Tensor([1, 3] as [Float], [1, 2, 1]))
  }
}
