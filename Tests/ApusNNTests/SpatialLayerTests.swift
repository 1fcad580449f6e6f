import Apus
import Testing

/// Layers that change the shape of images and of samples.
@Suite struct SpatialLayerTests {
  @Test func zerosAround() throws {
    let x = try counted([1, 1, 2, 1])
    #expect(
      try output(of: ZeroPadding2D(), x) == Tensor([0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0] as [Float], [1, 3, 4, 1]))
    #expect(try output(of: ZeroPadding2D(padding: [0, 1]), x) == Tensor([0, 1, 2, 0] as [Float], [1, 1, 4, 1]))
    #expect(
      try output(of: ZeroPadding2D(padding: [[1, 0], [0, 2]]), x)
        == Tensor([0, 0, 0, 0, 1, 2, 0, 0] as [Float], [1, 2, 4, 1]))
    #expect(try output(of: ZeroPadding2D(padding: 2), x).dimensions == [1, 5, 6, 1])
    for padding in [[[1, 1]], [[1], [1]], [[0, -1], [0, 0]]] {
      #expect(
        refusal { try output(of: ZeroPadding2D(padding: padding), x) }.contains(
          "layer 'zero_padding2d': the padding must be [[top, bottom], [left, right]], none negative, not \(padding)"))
    }
  }

  @Test func cropping() throws {
    let x = try counted([1, 3, 4, 1])
    #expect(try output(of: Cropping2D(), x) == x)
    #expect(try output(of: Cropping2D(cropping: 1), x) == Tensor([6, 7] as [Float], [1, 1, 2, 1]))
    #expect(try output(of: Cropping2D(cropping: [1, 0]), x) == Tensor([5, 6, 7, 8] as [Float], [1, 1, 4, 1]))
    #expect(
      try output(of: Cropping2D(cropping: [[0, 1], [2, 1]]), x) == Tensor([3, 7] as [Float], [1, 2, 1, 1]))
    #expect(
      refusal { try output(of: Cropping2D(cropping: [[2, 1], [0, 0]]), x) }.contains(
        "layer 'cropping2d': nothing is left of f32[batch, 3, 4, 1] when [[2, 1], [0, 0]] is cut off"))
    #expect(refusal { try output(of: Cropping2D(cropping: -1), x) }.contains("none negative"))
    #expect(refusal { try output(of: Cropping2D(cropping: 1), counted([1, 3])) }.contains("the input must be"))
  }

  @Test func nearestNeighborsRepeat() throws {
    let y = try output(of: UpSampling2D(size: [2, 3]), counted([1, 1, 2, 1]))
    #expect(y == (try Tensor([1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2] as [Float], [1, 2, 6, 1])))
  }

  @Test func bilinearByHand() throws {
    // Centers of the new elements at −¼, ¼, ¾ and 1¼ of the old.
    let y = try output(
      of: UpSampling2D(size: [1, 2], interpolation: .bilinear), Tensor([0, 1] as [Float], [1, 1, 2, 1]))
    #expect(y == (try Tensor([0, 0.25, 0.75, 1] as [Float], [1, 1, 4, 1])))
  }

  /// Each new element from the four old ones around it, as image libraries write it.
  @Test(arguments: [(2, 2), (3, 1), (1, 4), (5, 3)]) func bilinearElementByElement(_ size: (Int, Int)) throws {
    let (height, width, channels) = (3, 4, 2)
    let values = (0..<2 * height * width * channels).map { Float($0 * 29 % 17) }
    let x = try Tensor(values, [2, height, width, channels])
    let y = try output(of: UpSampling2D(size: SpatialSize([size.0, size.1]), interpolation: .bilinear), x)
    #expect(y.dimensions == [2, height * size.0, width * size.1, channels])
    func old(_ b: Int, _ i: Int, _ j: Int, _ c: Int) -> Float {
      let (i, j) = (min(max(i, 0), height - 1), min(max(j, 0), width - 1))
      return values[((b * height + i) * width + j) * channels + c]
    }
    var position = 0
    let results = y.elements(as: Float.self)
    for b in 0..<2 {
      for p in 0..<height * size.0 {
        for q in 0..<width * size.1 {
          let (i, j) = ((Float(p) + 0.5) / Float(size.0) - 0.5, (Float(q) + 0.5) / Float(size.1) - 0.5)
          let (top, left) = (Int(i.rounded(.down)), Int(j.rounded(.down)))
          let (down, right) = (i - Float(top), j - Float(left))
          for c in 0..<channels {
            let above = old(b, top, left, c) * (1 - right) + old(b, top, left + 1, c) * right
            let below = old(b, top + 1, left, c) * (1 - right) + old(b, top + 1, left + 1, c) * right
            let expected = above * (1 - down) + below * down
            #expect(abs(results[position] - expected) < 1e-4, "(\(b), \(p), \(q), \(c)) by \(size)")
            position += 1
          }
        }
      }
    }
  }

  @Test func upSamplingThatDoesNotFit() throws {
    let bytes = try Tensor([1, 2] as [UInt8], [1, 1, 2, 1])
    #expect(try output(of: UpSampling2D(), bytes).dimensions == [1, 2, 4, 1])
    #expect(
      refusal { try output(of: UpSampling2D(interpolation: .bilinear), bytes) }.contains(
        "layer 'up_sampling2d': it takes numbers with fractions, not u8[batch, 1, 2, 1]"))
    #expect(refusal { try output(of: UpSampling2D(size: 0), bytes) }.contains("the size must be positive, not 0"))
    #expect(refusal { try output(of: UpSampling2D(size: 1_073_741_824), counted([1, 2, 2, 1])) }.contains("as large"))
  }

  @Test func axesOfSamplesMove() throws {
    let x = try counted([1, 2, 3, 1])
    #expect(try output(of: Permute([2, 1, 3]), x) == Tensor([1, 4, 2, 5, 3, 6] as [Float], [1, 3, 2, 1]))
    for dims in [[1, 2], [0, 1, 2], [1, 1, 2], [2, 3, 4]] {
      #expect(
        refusal { try output(of: Permute(dims), x) }.contains(
          "layer 'permute': \(dims) does not order the axes of f32[batch, 2, 3, 1]\n  help: each of 1 … 3 once"))
    }
  }

  @Test func vectorsRepeat() throws {
    let y = try output(of: RepeatVector(2), counted([2, 2]))
    #expect(y == (try Tensor([1, 2, 1, 2, 3, 4, 3, 4] as [Float], [2, 2, 2])))
    #expect(
      refusal { try output(of: RepeatVector(0), counted([2, 2])) }.contains(
        "layer 'repeat_vector': the number of repetitions must be positive, not 0"))
    #expect(refusal { try output(of: RepeatVector(2), counted([2, 2, 2])) }.contains("must be (batch, features)"))
  }
}
