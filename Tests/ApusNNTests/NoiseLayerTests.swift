import Apus
import Testing

/// Layers that draw random numbers while training: noise, dropout of channels, augmentation.
@Suite struct NoiseLayerTests {
  /// The layer's output for `x` in training steps one after the other.
  private func steps(_ layer: any Layer, _ x: Tensor, count: Int = 1) throws -> [Tensor] {
    let input = Input(Array(x.dimensions.dropFirst()), dtype: x.dtype)
    let program = try Session(backend: InterpreterBackend()).load(
      Model(input, layer(input)).graph.bound(to: .training))
    return try (0..<count).map { _ in try program.run([x])[0] }
  }

  private func step(_ layer: any Layer, _ x: Tensor) throws -> [Double] { try steps(layer, x)[0].doubles() }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
  private func variance(_ values: [Double]) -> Double {
    let center = mean(values)
    return mean(values.map { ($0 - center) * ($0 - center) })
  }

  static let layers: [@Sendable () -> any Layer] = [
    { GaussianNoise(0.5) }, { GaussianDropout(0.3) }, { AlphaDropout(0.3) }, { SpatialDropout2D(0.5) },
    { Dropout(0.5, noiseShape: [nil, 1, 1, nil]) }, { RandomFlip() }, { RandomRotation(0.2) },
    { RandomTranslation(heightFactor: 0.3, widthFactor: 0.3) }, { RandomZoom(heightFactor: 0.4) },
    { RandomContrast(0.8) }, { RandomBrightness(0.5) }, { RandomErasing() }, { RandomCrop(height: 6, width: 5) },
  ]

  /// While predicting nothing is drawn and nothing changes; each step draws anew, and the same numbers in each run.
  @Test(arguments: layers.indices) func drawsWhileTrainingOnly(_ index: Int) throws {
    let layer = Self.layers[index]()
    let x = try counted([3, 6, 5, 4], scale: 0.5)
    #expect(try output(of: layer, x) == x)
    let input = Input([6, 5, 4])
    let graph = try Model(input, layer(input)).graph
    #expect(try graph.bound(to: .inference).variables.isEmpty)
    let names = try graph.bound(to: .inference).specialized(["batch": 3]).nodes.map(\.op.name)
    #expect(!names.contains("training_step") && !names.contains("while_training"))
    let found = try steps(layer, x, count: 3)
    // A crop of the whole image has no choice.
    guard !(layer is RandomCrop) else { return #expect(found[0] == x) }
    #expect(found[0] != x && (found[0] != found[1] || found[1] != found[2]), "\(type(of: layer).typeName)")
    #expect(try steps(layer, x, count: 3) == found)
  }

  @Test func momentsOfNoise() throws {
    // 40,000 draws: four standard errors of a mean with deviation 0.5 are 0.01.
    let ones = try Tensor(repeating: 1, .f32, [200, 200])
    let noise = try step(GaussianNoise(0.5), ones)
    #expect(abs(mean(noise) - 1) < 0.01 && abs(variance(noise) - 0.25) < 0.01)
    let products = try step(GaussianDropout(0.2), ones)
    #expect(abs(mean(products) - 1) < 0.01 && abs(variance(products) - 0.25) < 0.01)
  }

  /// What is normally distributed stays of mean 0 and variance 1.
  @Test func alphaDropoutKeepsMoments() throws {
    let zeros = try Tensor(zeros: .f32, [200, 200])
    let normal = try steps(GaussianNoise(1, name: "n"), zeros)[0]
    let y = try step(AlphaDropout(0.3), normal)
    #expect(abs(mean(y)) < 0.02 && abs(variance(y) - 1) < 0.03)
    #expect(Set(try step(AlphaDropout(0.3), zeros)).count == 2)
    let dropped = try step(AlphaDropout(0.3), zeros).count { $0 < 0 }
    #expect(abs(Double(dropped) / 40_000 - 0.3) < 0.01)
  }

  @Test func channelsAreDroppedAsAWhole() throws {
    let ones = try Tensor(repeating: 1, .f32, [4, 3, 2, 50])
    let y = try step(SpatialDropout2D(0.5), ones)
    #expect(Set(y) == [0, 2])
    for sample in 0..<4 {
      for position in 1..<6 {
        let (first, other) = (sample * 300, sample * 300 + position * 50)
        #expect(Array(y[first..<first + 50]) == Array(y[other..<other + 50]))
      }
    }
    #expect(Array(y[0..<50]) != Array(y[300..<350]), "each sample has its own mask")
    #expect(
      refusal { try output(of: SpatialDropout1D(0.5), counted([2, 3])) }.contains("the input must be (batch, length,"))
    #expect(
      refusal { try output(of: Dropout(0.5, noiseShape: [nil, 2]), counted([2, 3])) }.contains(
        "layer 'dropout': the noise shape [batch, 2] does not broadcast to f32[batch, 3]"))
  }

  // MARK: Augmentation

  /// A flip is one of four images, and over many samples each of them.
  @Test func flips() throws {
    let image: [Float] = [1, 2, 3, 4, 5, 6]
    let x = try Tensor((0..<64).flatMap { _ in image }, [64, 2, 3, 1])
    let forms: Set<[Double]> = [[1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], [4, 5, 6, 1, 2, 3], [6, 5, 4, 3, 2, 1]]
    func found(_ mode: RandomFlip.Mode) throws -> Set<[Double]> {
      let y = try step(RandomFlip(mode), x)
      return Set((0..<64).map { Array(y[$0 * 6..<$0 * 6 + 6]) })
    }
    #expect(try found(.horizontalAndVertical) == forms)
    #expect(try found(.horizontal) == [[1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4]])
    #expect(try found(.vertical) == [[1, 2, 3, 4, 5, 6], [4, 5, 6, 1, 2, 3]])
  }

  /// A crop is a part of the image, at each place sooner or later.
  @Test func crops() throws {
    let image = (0..<12).map(Float.init)
    let x = try Tensor((0..<100).flatMap { _ in image }, [100, 3, 4, 1])
    let y = try step(RandomCrop(height: 2, width: 3), x)
    let places = Set((0..<100).map { Array(y[$0 * 6..<$0 * 6 + 6]) })
    let expected = Set(
      [0, 1, 4, 5].map { start in [0, 1, 2, 4, 5, 6].map { Double(start + $0) } })
    #expect(places == expected)
    #expect(
      try output(of: RandomCrop(height: 2, width: 4), counted([1, 4, 4, 1])).elements(as: Float.self)
        == [5, 6, 7, 8, 9, 10, 11, 12])
  }

  /// Factors stay in their range: (y − mean) / (x − mean) for contrast.
  @Test func contrasts() throws {
    let x = try Tensor((0..<50).flatMap { _ in [10, 30] as [Float] }, [50, 1, 2, 1])
    let y = try step(RandomContrast([0.25, 0.5]), x)
    let factors = (0..<50).map { i in (y[2 * i + 1] - 20) / 10 }
    let (least, most) = (factors.min() ?? 1, factors.max() ?? 1)
    #expect(least >= 0.75 - 1e-5 && most <= 1.5 + 1e-5)
    #expect(least < 0.85 && most > 1.4)
    for i in 0..<50 {
      let sum = y[2 * i] + y[2 * i + 1]
      #expect(abs(sum - 40) < 1e-4)
    }
    #expect(try step(RandomContrast(1, valueRange: 18...22), x).allSatisfy { (18...22).contains($0) })
  }

  @Test func erasesARectangle() throws {
    let x = try Tensor(repeating: 1, .f32, [60, 10, 10, 1])
    let y = try step(RandomErasing(factor: 0.5, scale: [0.3, 0.5], fillValue: 7), x)
    var erased = 0
    for sample in 0..<60 {
      let places = (0..<100).filter { y[sample * 100 + $0] == 7 }
      guard !places.isEmpty else { continue }
      erased += 1
      let (rows, columns) = (Set(places.map { $0 / 10 }), Set(places.map { $0 % 10 }))
      #expect(places.count == rows.count * columns.count, "a rectangle")
      #expect((3...5).contains(rows.count) && (3...5).contains(columns.count))
    }
    #expect((18...42).contains(erased), "\(erased) of 60")
  }

  @Test func refusals() throws {
    let x = try counted([1, 4, 4, 1])
    #expect(refusal { try output(of: RandomRotation([0.3]), x) }.contains("layer 'random_rotation': a factor must be"))
    #expect(refusal { try output(of: RandomZoom(heightFactor: [0.3, 0.1]), x) }.contains("not 0.3 and 0.1"))
    #expect(
      refusal { try output(of: RandomErasing(factor: 2), x) }.contains("the factor must be at least 0 and at most 1"))
    #expect(
      refusal { try output(of: RandomFlip(), counted([1, 4, 4])) }.contains("the input must be (batch, height, width"))
    #expect(
      refusal { try output(of: RandomCrop(height: 0, width: 2), x) }.contains("the height must be positive, not 0"))
    // Bytes become floats in both modes.
    let bytes = try Tensor([1, 2] as [UInt8], [1, 1, 2, 1])
    #expect(try output(of: RandomFlip(), bytes) == Tensor([1, 2] as [Float], [1, 1, 2, 1]))
  }
}
