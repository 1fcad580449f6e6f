import Apus
import ApusNative
import TestSupport
import Testing

/// What Winograd's algorithm must not change by more than rounding: windows of zeros, and what is not finite.
@Suite struct WinogradExactnessTests {
  private static func floats(_ dimensions: [Int], stream: UInt64) throws -> Tensor {
    try Tensor(samples(dimensions, stream: stream).doubles().map { Float($0) }, dimensions)
  }

  /// The tensor with other numbers at some positions.
  private static func put(_ values: [Int: Float], in tensor: Tensor) -> Tensor {
    var tensor = tensor
    tensor.withMutableElements(as: Float.self) { for (position, value) in values { $0[position] = value } }
    return tensor
  }

  private static func graph(_ text: String) throws -> Graph { try #require(try Graph.parse(text).first) }

  private static func direct(_ graph: Graph, _ feeds: [Tensor]) throws -> [Tensor] {
    try Interpreter(graph).run(feeds, variables: []).outputs
  }

  private static func native(_ graph: Graph, _ feeds: [Tensor], tile: Int, workers: Int = 2) throws -> [Tensor] {
    var backend = NativeBackend(workers: workers, verifies: true)
    backend.winogradTile = tile
    let names = try backend.plan(backend.optimized(graph)).program.kernels.map(\.name)
    #expect(names.contains { $0.hasPrefix("winograd") }, "not by Winograd's algorithm: \(names)")
    return try backend.compile(graph).run(feeds, variables: []).outputs
  }

  // MARK: What is not finite

  /// One pixel of one channel: nine elements of each channel of the result depend on it.
  @Test(arguments: [Float.infinity, -.infinity, .nan]) func aPixelSpoilsNinePixels(_ value: Float) throws {
    let graph = try Self.graph(
      """
      graph @layer(%x: f32[1, 56, 56, 64], %w: f32[3, 3, 64, 64]) {
        %y = convolution(%x, %w, padding: same)
        return %y
      }
      """)
    let (row, column, channel) = (23, 30, 5)
    let x = try Self.put(
      [(row * 56 + column) * 64 + channel: value], in: Self.floats([1, 56, 56, 64], stream: 1))
    let w = try Self.floats([3, 3, 64, 64], stream: 2)
    let reference = try Self.direct(graph, [x, w])[0]
    func check(_ y: Tensor, _ label: String) {
      let (found, filter) = (y.elements(as: Float.self), w.elements(as: Float.self))
      var spoilt = 0
      for (position, element) in found.enumerated() where !element.isFinite {
        let (i, j, out) = (position / 64 / 56, position / 64 % 56, position % 64)
        let (u, v) = (row - i + 1, column - j + 1)
        guard (0...2).contains(u), (0...2).contains(v) else {
          Issue.record("\(label): \(element) at row \(i), column \(j), which does not see the pixel")
          return
        }
        // By hand: the one product that is not finite decides.
        let right = value * filter[((u * 3 + v) * 64 + channel) * 64 + out]
        #expect(element == right || element.isNaN && right.isNaN, "\(label): row \(i), column \(j), channel \(out)")
        spoilt += 1
      }
      #expect(spoilt == 9 * 64, "\(label)")
      #expect(TensorComparison.firstDifference(reference, y) == nil, "\(label)")
    }
    for level in OptimizationLevel.allCases {
      let interpreted = try InterpreterBackend().compile(graph, passes: .level(level)).run([x, w], variables: [])
      check(interpreted.outputs[0], "interpreter, -\(level.name)")
      let compiled = try NativeBackend(workers: 2, verifies: true).compile(graph, passes: .level(level))
      check(try compiled.run([x, w], variables: []).outputs[0], "native code, -\(level.name)")
    }
  }

  /// Layers with an epilogue, their gradients, and numbers in each operand that spoil a few results.
  static let layers = [
    """
    graph @forward(%x: f32[2, 11, 13, 17], %w: f32[3, 3, 17, 21], %b: f32[21], %r: f32[2, 11, 13, 1]) {
      %1: f32[2, 11, 13, 21] = convolution(%x, %w, padding: same)
      %2: f32[2, 11, 13, 21] = add(%1, %b)
      %3: f32[2, 11, 13, 21] = subtract(%2, %r)
      return %3, %1
    }
    """,
    """
    graph @image(%g: f32[2, 11, 13, 21], %w: f32[3, 3, 17, 21]) {
      %1: f32[2, 13, 15, 17] = convolution_input_gradient(%g, %w, shape: [2, 13, 15, 17])
      return %1
    }
    """,
    """
    graph @filter(%x: f32[2, 13, 15, 17], %g: f32[2, 11, 13, 21], %old: f32[3, 3, 17, 21]) {
      %1: f32[3, 3, 17, 21] = convolution_filter_gradient(%x, %g, shape: [3, 3, 17, 21])
      %2: f32 = constant(0.125)
      %3: f32[3, 3, 17, 21] = multiply(%1, %2)
      %4: f32[3, 3, 17, 21] = subtract(%old, %3)
      return %4, %1
    }
    """,
    // One corner of the image meets one element of the filter.
    """
    graph @corner(%x: f32[1, 7, 9, 3], %g: f32[1, 9, 11, 2]) {
      %1: f32[3, 3, 3, 2] = convolution_filter_gradient(%x, %g, shape: [3, 3, 3, 2], padding: [[2, 2], [2, 2]])
      return %1
    }
    """,
  ]

  @Test(arguments: layers, [2, 4, 6]) func whatIsNotFiniteSpoilsWhatItSpoilsDirectly(_ text: String, _ tile: Int) throws
  {
    let graph = try Self.graph(text)
    let sound = try graph.parameters.enumerated().map { position, id in
      try Self.floats(graph.type(of: id).shape.numbers ?? [], stream: UInt64(position))
    }
    func executable(_ tile: Int) throws -> any Executable {
      var backend = NativeBackend(workers: 2, verifies: true)
      backend.winogradTile = tile
      return try backend.compile(graph)
    }
    let (direct, winograd) = try (executable(1), executable(tile))
    for operand in 0..<2 {
      for value in [Float.infinity, -.infinity, .nan, 3e38, -2e38] {
        // The transform of a huge weight is huge in tiles that meet it with zeros of padding only.
        if value.isFinite, operand == 1, !text.contains("@filter") { continue }
        var feeds = sound
        let last = sound[operand].count - 1
        feeds[operand] = Self.put([(value.isNaN ? last : last / 3): value], in: sound[operand])
        let reference = try direct.run(feeds, variables: []).outputs
        let results = try winograd.run(feeds, variables: []).outputs
        for (output, (a, b)) in zip(reference, results).enumerated() {
          let difference = Self.difference(a, b)
          #expect(difference == nil, "operand \(operand), \(value), result \(output)")
        }
      }
    }
  }

  /// Element by element: huge numbers must not hide what is wrong elsewhere.
  private static func difference(_ a: Tensor, _ b: Tensor) -> String? {
    for (position, (x, y)) in zip(a.doubles(), b.doubles()).enumerated() {
      let isNear = x.isFinite && y.isFinite && abs(x - y) <= 1e-4 * max(1, abs(x))
      if !(x == y || x.isNaN && y.isNaN || isNear) { return "element \(position): \(x) became \(y)" }
    }
    return nil
  }

  // MARK: Zeros

  /// An element over zeros only is 0, whatever the tile, with padding and without; and so is what ReLU lets through.
  @Test(arguments: [2, 4, 6], ["same", "valid", "[[2, 1], [0, 2]]"])
  func windowsOfZerosGiveZeros(_ tile: Int, _ padding: String) throws {
    let x = "f32[2, 17, 22, 19]"
    let graph = try Self.graph(
      """
      graph @layer(%x: \(x), %w: f32[3, 3, 19, 17]) {
        %y = convolution(%x, %w, padding: \(padding))
        return %y
      }
      """)
    var image = try Self.floats([2, 17, 22, 19], stream: 1)
    image.withMutableElements(as: Float.self) { elements in
      for position in elements.indices {
        let (i, j) = (position / 19 / 22 % 17, position / 19 % 22)
        // A border, a hole, and a channel that alone is set in a part.
        let isClear = i < 4 || j >= 18 || (7..<13).contains(i) && (5..<12).contains(j)
        if isClear && !(i == 0 && j == 9 && position % 19 == 18) { elements[position] = position % 2 == 0 ? 0 : -0.0 }
      }
    }
    let feeds = [image, try Self.floats([3, 3, 19, 17], stream: 2)]
    let reference = try Self.direct(graph, feeds)[0].elements(as: Float.self)
    let found = try Self.native(graph, feeds, tile: tile)[0].elements(as: Float.self)
    let zeros = reference.indices.filter { reference[$0] == 0 }
    #expect(zeros.count > 1000)
    let wrong = reference.indices.first { (reference[$0] == 0) != (found[$0] == 0) }
    #expect(wrong == nil, "\(wrong.map { "\(reference[$0]) became \(found[$0])" } ?? "")")
  }

  /// Images on black, and labels: a ReLU's derivative at 0 is 0, so what is left of a cancellation would count as active.
  private static func onBlack(_ count: Int) throws -> (images: Tensor, labels: Tensor) {
    let philox = Philox(seed: 3)
    let images = try Tensor(
      (0..<count * 784).map { position -> UInt8 in
        let (i, j) = (position / 28 % 28, position % 28)
        return (9..<20).contains(i) && (7..<19).contains(j) ? UInt8(255 * philox.uniform(position, stream: 0)) : 0
      }, [count, 28, 28])
    return (images, try Tensor((0..<count).map { UInt8($0 % 10) }, [count]))
  }

  private static func trainer(_ optimizer: any Optimizer, tile: Int) throws -> Trainer {
    var backend = NativeBackend(workers: 2)
    backend.winogradTile = tile
    let model = try #require(try GraphFile.load(Repository.file("Graphs/Models/cnn.graph").path).first)
    return try Trainer(model, optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, backend: backend)
  }

  @Test(arguments: [0, 4]) func aStepOnImagesWithBlackBordersMovesBiasesAsDirectly(_ tile: Int) throws {
    let (images, labels) = try Self.onBlack(32)
    func biases(_ tile: Int) throws -> [(name: String, value: [Double])] {
      let trainer = try Self.trainer(SGD(), tile: tile)
      _ = try trainer.fit(images, labels, batchSize: 32, verbose: .silent)
      // They begin with zeros, so that what they are is the step.
      return trainer.weights.filter { $0.name.hasSuffix("bias") }.map { ($0.name, $0.value.doubles()) }
    }
    let direct = try biases(1)
    #expect(direct.count == 4)
    for (reference, found) in zip(direct, try biases(tile)) {
      let norm = reference.value.map { $0 * $0 }.reduce(0, +).squareRoot()
      let error = zip(reference.value, found.value).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
      #expect(norm > 0 && error <= 1e-4 * norm, "\(reference.name): off by \(error) of \(norm)")
    }
  }

  /// RMSprop's first steps are as large for small gradients as for large ones.
  @Test func fourteenStepsOnImagesWithBlackBordersEndWhereDirectOnesDo() throws {
    let (images, labels) = try Self.onBlack(200)
    let losses = try [1, 4].map { tile in
      let history = try Self.trainer(RMSprop(), tile: tile).fit(
        images, labels, batchSize: 32, epochs: 2, verbose: .silent)
      return try #require(history["loss"]?.last)
    }
    #expect(abs(losses[0] - losses[1]) <= 1e-4 * losses[0], "\(losses[1]), directly \(losses[0])")
  }

  // MARK: Places outside the image

  /// An operand that has one channel is read element by element, at places that exist only.
  @Test(arguments: [2, 4, 6]) func epiloguesReadNothingOutside(_ tile: Int) throws {
    let graph = try Self.graph(
      """
      graph @layer(%x: f32[1, 5, 3, 2], %w: f32[3, 3, 2, 3], %r: f32[1, 5, 3, 1], %c: f32[5, 1, 1], %v: f32[36, 1, 2, 3]) {
        %1: f32[1, 5, 3, 3] = winograd_convolution(%x, %w, padding: same, tile: \(tile))
        %2: f32[1, 5, 3, 3] = multiply(%1, %r)
        %3: f32[1, 5, 3, 3] = add(%2, %c)
        %4: f32[1, 5, 3, 3] = winograd_transpose(%v, shape: [1, 5, 3, 3], part: result)
        %5: f32[1, 5, 3, 3] = add(%4, %r)
        return %3, %5
      }
      """)
    let feeds = try graph.parameters.enumerated().map { position, id in
      try Self.floats(graph.type(of: id).shape.numbers ?? [], stream: UInt64(position))
    }
    let reference = try Self.direct(graph, feeds)
    let kernels = try KernelInterpreterBackend().compile(graph, passes: .level(.aggressive))
    for (a, b) in zip(reference, try kernels.run(feeds, variables: []).outputs) {
      #expect(TensorComparison.firstDifference(a, b) == nil)
    }
  }
}
