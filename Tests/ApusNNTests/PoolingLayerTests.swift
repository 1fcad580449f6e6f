import Apus
import Testing

/// Poolings against minima, maxima and means taken here.
@Suite struct PoolingLayerTests {
  @Test func alongOneAxis() throws {
    let x = try Tensor([3, 1, 4, 1, 5, 9] as [Float], [1, 6, 1])
    #expect(try output(of: MaxPooling1D(), x) == Tensor([3, 4, 9] as [Float], [1, 3, 1]))
    #expect(try output(of: AveragePooling1D(poolSize: 2), x) == Tensor([2, 2.5, 7] as [Float], [1, 3, 1]))
    #expect(
      try output(of: AveragePooling1D(poolSize: 4, strides: 1), x) == Tensor([2.25, 2.75, 4.75] as [Float], [1, 3, 1]))
    #expect(try output(of: GlobalMaxPooling1D(), x) == Tensor([9] as [Float], [1, 1]))
    #expect(
      try output(of: GlobalAveragePooling1D(keepDims: true), x).doubles().map { abs($0 - 23.0 / 6) < 1e-6 } == [true])
  }

  /// Keras: what lies outside counts neither in the sum nor in the number of elements.
  @Test func paddingIsNotCounted() throws {
    let x = try Tensor([3, 1, 4, 1, 5] as [Float], [1, 5, 1])
    #expect(
      try output(of: AveragePooling1D(poolSize: 2, padding: .same), x) == Tensor([2, 2.5, 5] as [Float], [1, 3, 1]))
    let negative = try Tensor([-3, -1] as [Float], [1, 2, 1])
    #expect(
      try output(of: MaxPooling1D(strides: 1, padding: .explicit([[1, 1]])), negative)
        == Tensor([-3, -1, -1] as [Float], [1, 3, 1]))
  }

  @Test func ofImages() throws {
    let x = try counted([1, 4, 4, 1])
    #expect(try output(of: MaxPooling2D(), x) == Tensor([6, 8, 14, 16] as [Float], [1, 2, 2, 1]))
    #expect(try output(of: MinPooling2D(), x) == Tensor([1, 3, 9, 11] as [Float], [1, 2, 2, 1]))
    #expect(try output(of: AveragePooling2D(poolSize: [4, 1]), x) == Tensor([7, 8, 9, 10] as [Float], [1, 1, 4, 1]))
    #expect(try output(of: GlobalMaxPooling2D(keepDims: true), x) == Tensor([16] as [Float], [1, 1, 1, 1]))
    #expect(try output(of: GlobalAveragePooling2D(), x) == Tensor([8.5] as [Float], [1, 1]))
  }

  @Test func ofVolumes() throws {
    // 2 × 2 × 4 with two channels: element (d, h, w, c) is 16 d + 8 h + 2 w + c + 1.
    let x = try counted([1, 2, 2, 4, 2])
    #expect(try output(of: MaxPooling3D(), x) == Tensor([27, 28, 31, 32] as [Float], [1, 1, 1, 2, 2]))
    #expect(
      try output(of: AveragePooling3D(poolSize: [1, 2, 4]), x)
        == Tensor([8, 9, 24, 25] as [Float], [1, 2, 1, 1, 2]))
    #expect(try output(of: GlobalMaxPooling3D(), x) == Tensor([31, 32] as [Float], [1, 2]))
    #expect(try output(of: GlobalAveragePooling3D(keepDims: true), x) == Tensor([16, 17] as [Float], [1, 1, 1, 1, 2]))
  }

  @Test func whatDoesNotFit() throws {
    #expect(
      refusal { try output(of: MaxPooling3D(), counted([1, 4, 4, 1])) }.contains(
        "layer 'max_pooling3d': the input must be (batch, depth, height, width, channels), not f32[batch, 4, 4, 1]"))
    #expect(
      refusal { try output(of: GlobalAveragePooling1D(), counted([1, 4])) }.contains(
        "layer 'global_average_pooling1d': the input must be (batch, length, channels)"))
    #expect(
      refusal { try output(of: AveragePooling1D(poolSize: [2, 2]), counted([1, 4, 1])) }.contains(
        "layer 'average_pooling1d': the pool has 2 sizes for 1 spatial axes"))
    #expect(refusal { try output(of: MaxPooling1D(poolSize: 5), counted([1, 4, 1])) }.contains("'max_pooling1d'"))
  }
}
