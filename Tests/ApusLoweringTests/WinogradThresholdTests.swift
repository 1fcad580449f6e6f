import Apus
import ApusCore
import ApusNative
import ApusPlanning
import TestSupport
import Testing

@testable import ApusLowering

/// Layers just below, at and above each size from which Winograd's algorithm is lowered in another way. Caches are made as
/// small as a shape needs, so that shapes stay small.
@Suite struct WinogradThresholdTests {
  struct Layer: CustomStringConvertible {
    var images = 1
    var size: [Int]
    var inputs: Int
    var outputs: Int
    var padding = "same"
    var tile = 4

    var description: String { "\(images) × \(size) × \(inputs) → \(outputs), padding \(padding), tile \(tile)" }

    func graph() throws -> Graph {
      let x = "f32[\(images), \(size[0]), \(size[1]), \(inputs)]"
      return try #require(
        try Graph.parse(
          """
          graph @layer(%x: \(x), %w: f32[3, 3, \(inputs), \(outputs)], %b: f32[\(outputs)]) {
            %1 = convolution(%x, %w, padding: \(padding))
            %2 = add(%1, %b)
            %3 = relu(%2)
            return %3
          }
          """
        ).first)
    }

    /// Bytes of all tiles, transformed, and of their products: what is cut into blocks.
    var bytes: Int {
      get throws {
        let high = padding == "same" ? 2 : 0
        let tiles = size.map { ($0 + high - 2 + tile - 1) / tile }.reduce(images, *)
        return (tile + 2) * (tile + 2) * tiles * (inputs + outputs) * 4
      }
    }
  }

  /// The host's processor with a last cache that gives blocks so many bytes.
  private static func target(blockBytes: Int) -> NativeTarget {
    var target = NativeTarget.host
    (target.processor.lastCacheCores, target.processor.cores) = (1, 2)
    (target.processor.firstCache.bytes, target.processor.secondCache.bytes) = (4 << 10, 16 << 10)
    target.processor.lastCache.bytes = 2 * blockBytes
    return target
  }

  /// How many times each step of the layer is launched, by the loops that the plan has.
  private static func blocks(_ graph: Graph, _ backend: NativeBackend) throws -> Int {
    let plan = try backend.plan(backend.optimized(graph))
    var count = 0
    func visit(_ steps: [ProgramStep], _ times: Int) {
      for step in steps {
        switch step {
        case .launch(let launch):
          if plan.program.kernels[launch.kernel].name.hasPrefix("winograd_transform_data") { count += times }
        case .loop(let number, _, let body): visit(body, times * (number ?? 1))
        default: break
        }
      }
    }
    visit(plan.program.steps, 1)
    return count
  }

  private static func check(_ layer: Layer, blockBytes: Int, _ comment: String, isNative: Bool = false) throws -> Int {
    let graph = try layer.graph()
    let feeds = try graph.parameters.enumerated().map { position, id in
      let dimensions = graph.type(of: id).shape.numbers ?? []
      var x = try Tensor(samples(dimensions, stream: UInt64(position)).doubles().map { Float($0) }, dimensions)
      if position == 0 {
        // Some rows of zeros, in which windows are empty.
        let row = dimensions[2] * dimensions[3]
        x.withMutableElements(as: Float.self) { for i in 0..<min($0.count, 4 * row) { $0[i] = 0 } }
      }
      return x
    }
    var backend = NativeBackend(workers: 2, target: target(blockBytes: blockBytes), verifies: true)
    backend.winogradTile = layer.tile
    let expected = try Interpreter(graph).run(feeds, variables: []).outputs[0]
    let found =
      try isNative
      ? backend.compile(graph).run(feeds, variables: []).outputs[0]
      : KernelInterpreterBackend(backend).compile(graph).run(feeds, variables: []).outputs[0]
    let difference = TensorComparison.firstDifference(expected, found, tolerance: layer.tile == 6 ? 1e-4 : 2e-5)
    #expect(difference == nil, "\(layer), \(comment)")
    return try blocks(graph, backend)
  }

  /// Blocks of images, and of rows of one image: as many as the cache asks for, one less, and one more.
  @Test(arguments: [
    Layer(images: 4, size: [9, 10], inputs: 3, outputs: 5), Layer(images: 5, size: [8, 5], inputs: 2, outputs: 17),
    Layer(size: [33, 10], inputs: 3, outputs: 5), Layer(size: [30, 7], inputs: 5, outputs: 3, padding: "valid"),
    Layer(images: 3, size: [7, 7], inputs: 3, outputs: 4, tile: 2),
    Layer(images: 3, size: [13, 9], inputs: 3, outputs: 4, padding: "valid", tile: 6),
    Layer(size: [29, 9], inputs: 2, outputs: 3, padding: "[[2, 1], [0, 2]]", tile: 6),
  ])
  func blocksAsTheCacheAsks(_ layer: Layer) throws {
    let bytes = try layer.bytes
    if layer.padding == "same" || layer.padding == "valid" {
      #expect(try Self.check(layer, blockBytes: bytes, "just one block") == 1)
      #expect(try Self.check(layer, blockBytes: bytes - 1, "just two blocks", isNative: true) >= 2)
    }
    for parts in [2, 3, 7] {
      let count = try Self.check(layer, blockBytes: bytes / parts, "about \(parts) blocks")
      #expect(count >= min(parts, layer.images > 1 ? layer.images : 2), "\(layer)")
    }
    // Each image, or row of tiles, by itself.
    let rows = try (layer.graph().outputTypes[0].shape.numbers ?? [])[1]
    let most = layer.images > 1 ? layer.images : (rows + layer.tile - 1) / layer.tile
    #expect(try Self.check(layer, blockBytes: 1, "as many blocks as there are", isNative: true) == most, "\(layer)")
  }

  /// Tiles that are whole, that lack elements and that begin; channels of one vector, of less and of more.
  @Test(arguments: [2, 4, 6]) func raggedSizesAndChannels(_ tile: Int) throws {
    let lanes = NativeTarget.host.processor.floatLanes
    let plenty = 1 << 30
    for size in [1, tile - 1, tile, tile + 1, 2 * tile + 1] {
      for padding in ["same", "[[1, 2], [2, 0]]"] {
        let layer = Layer(size: [size, tile + 1], inputs: 2, outputs: 3, padding: padding, tile: tile)
        _ = try Self.check(layer, blockBytes: plenty, "ragged")
      }
    }
    for channels in [1, lanes - 1, lanes, lanes + 1, 2 * lanes, 5 * lanes + 3] {
      for layer in [
        Layer(size: [5, 7], inputs: channels, outputs: 2, tile: tile),
        Layer(size: [5, 7], inputs: 2, outputs: channels, tile: tile),
      ] {
        _ = try Self.check(layer, blockBytes: plenty, "channels")
      }
    }
  }

  /// Units are tiles where these are many, else vectors of channels of tiles.
  @Test func fewAndManyTiles() throws {
    let many = Self.target(blockBytes: 1 << 30).processor.manyUnits
    for tiles in [many - 1, many, many + 1] {
      for layer in [
        Layer(size: [1, 4 * tiles], inputs: 19, outputs: 35),
        Layer(images: tiles, size: [3, 2], inputs: 19, outputs: 35),
      ] {
        _ = try Self.check(layer, blockBytes: 1 << 30, "\(tiles) tiles", isNative: tiles == many)
      }
    }
  }

  /// From one point of the transformed tiles to the next there is an odd number of lines: the points of a tile, which are
  /// written one after the other, lie in different sets of the caches.
  @Test(arguments: [
    Layer(images: 4, size: [16, 16], inputs: 64, outputs: 32), Layer(images: 1, size: [12, 8], inputs: 3, outputs: 5),
    Layer(images: 2, size: [8, 8], inputs: 16, outputs: 16, tile: 2),
  ])
  func pointsLieInDifferentSets(_ layer: Layer) throws {
    let target = Self.target(blockBytes: 1 << 30)
    var backend = NativeBackend(workers: 1, target: target)
    backend.winogradTile = layer.tile
    let plan = try backend.plan(backend.optimized(layer.graph()))
    let points = (layer.tile + 2) * (layer.tile + 2)
    let tiles = layer.size.map { $0 / layer.tile }.reduce(layer.images, *)
    for (name, count) in [
      ("tiles", tiles * layer.inputs), ("products", tiles * layer.outputs), ("filter", layer.inputs * layer.outputs),
    ] {
      let buffers = plan.program.buffers.filter { $0.name.contains("(\(name)") }
      #expect(!buffers.isEmpty, "\(name)")
      for buffer in buffers {
        let (lines, rest) = (buffer.byteCount - 4 * count).quotientAndRemainder(
          dividingBy: (points - 1) * target.processor.lineBytes)
        #expect(rest == 0 && !lines.isMultiple(of: 2), "\(layer): \(buffer.name), \(buffer.byteCount) bytes")
      }
    }
  }

  /// Filters that are transformed into panels, of which the last may be narrow: for all blocks at once.
  @Test(arguments: [5, 8]) func filtersInPanels(_ vectors: Int) throws {
    let layer = Layer(
      images: 4, size: [16, 16], inputs: 32, outputs: vectors * NativeTarget.host.processor.floatLanes)
    let backend = NativeBackend(workers: 1, target: Self.target(blockBytes: 1 << 30))
    let plan = try backend.plan(backend.optimized(layer.graph()))
    #expect(plan.program.buffers.contains { $0.name.contains("in panels of") })
    for parts in [1, 3] { _ = try Self.check(layer, blockBytes: layer.bytes / parts, "panels", isNative: true) }
  }

  /// A layer as it is: blocks of images on the processor at hand.
  @Test func aLayerOfSixteenImages() throws {
    let layer = Layer(images: 16, size: [56, 56], inputs: 64, outputs: 64)
    let graph = try layer.graph()
    let feeds = try graph.parameters.enumerated().map { position, id in
      let dimensions = graph.type(of: id).shape.numbers ?? []
      let philox = Philox(seed: UInt64(position))
      return try Tensor(
        (0..<dimensions.reduce(1, *)).map { Float(philox.uniform($0, stream: 0)) - 0.5 }, dimensions)
    }
    var backend = NativeBackend(workers: 2)
    backend.winogradTile = 4
    let limit = WinogradBlock.byteLimit(backend.target.processor)
    #expect(try layer.bytes > limit, "this layer fits into the cache: \(limit) bytes")
    #expect(try Self.blocks(graph, backend) > 1)
    let expected = try Interpreter(graph).run(feeds, variables: []).outputs[0]
    let found = try backend.compile(graph).run(feeds, variables: []).outputs[0]
    #expect(TensorComparison.firstDifference(expected, found, tolerance: 2e-5) == nil)
  }
}
