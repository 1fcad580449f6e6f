import ApusCore
import ApusKernels
import ApusPasses

@testable import ApusLowering

/// What is chosen for one processor, as a table.
struct ProcessorChoices {
  let name: String
  let processor: ProcessorModel

  /// m × k times k × n.
  static let products: [(name: String, m: Int, n: Int, k: Int)] = [
    ("mlp 784→128, batch 32", 32, 128, 784), ("mlp 128→10, batch 32", 32, 10, 128),
    ("lstm 128→512, batch 32", 32, 512, 128), ("one image, 784→128", 1, 128, 784),
    ("vgg16 fc6, batch 1", 1, 4096, 25088), ("vgg16 fc8, batch 1", 1, 1000, 4096),
    ("resnet50 256→64 at 56²", 3136, 64, 256), ("resnet50 512→2048 at 7²", 49, 2048, 512),
    ("resnet50 fc, batch 1", 1, 1000, 2048), ("square of 512", 512, 512, 512), ("square of 4096", 4096, 4096, 4096),
  ]

  /// 3 × 3 with stride 1, one image.
  static let convolutions: [(name: String, side: Int, inputs: Int, outputs: Int)] = [
    ("vgg16 conv1_1", 224, 3, 64), ("vgg16 conv1_2", 224, 64, 64), ("vgg16 conv2_1", 112, 64, 128),
    ("vgg16 conv2_2", 112, 128, 128), ("vgg16 conv3_1", 56, 128, 256), ("vgg16 conv3_2, 3_3", 56, 256, 256),
    ("vgg16 conv4_1", 28, 256, 512), ("vgg16 conv4_2, 4_3", 28, 512, 512), ("vgg16 conv5", 14, 512, 512),
    ("resnet50 stage 2", 56, 64, 64), ("resnet50 stage 3", 28, 128, 128), ("resnet50 stage 4", 14, 256, 256),
    ("resnet50 stage 5", 7, 512, 512),
  ]

  private static let elementBytes = 4

  var text: String {
    """
    \(name): \(processor.name)
      \(processor.floatLanes) lanes, \(processor.multiplyAddsPerCycle) multiply-adds a cycle, \
    \(processor.multiplyAddsInFlight) under way
      parts of k: \(TileGrid.depth(processor)) steps; a tile of \(TileEmitter.streamingRows(processor)) rows or fewer \
    fetches its panel
      streamed: from \([16, 1000, 1024].map(streamedBytes).joined(separator: ", ")), up to \
    \(StreamedProduct.mostColumns(processor)) columns, in \(StreamedProduct.units(processor)) units
      rows read without packing: \([1024, 3136, 4096].map(unpackedRows).joined(separator: ", "))
      blocks of Winograd's tiles: \(kibibytes(WinogradBlock.byteLimit(processor)))
      one worker below \(processor.serialWork) operations; units of \(processor.unitWork) elements, \
    \(processor.scalarUnitWork) one by one, \(kibibytes(processor.copyUnitBytes)) copied; \(processor.manyUnits) are many
      buffers are small up to \(kibibytes(processor.smallBufferBytes))

      \(cells("product", "tile", "parts of k", "rows in a chunk"))
    \(Self.products.map(productRow).joined(separator: "\n"))

      \(cells("3 × 3 convolution", "direct tile", "Winograd", "its tile"))
    \(Self.convolutions.map(convolutionRow).joined(separator: "\n"))

    """
  }

  private func streamedBytes(_ columns: Int) -> String {
    let bytes = StreamedProduct.leastBytes(columns: columns, elementBytes: Self.elementBytes, processor)
    return "\(kibibytes(bytes)) of \(columns) columns"
  }

  private func productRow(_ product: (name: String, m: Int, n: Int, k: Int)) -> String {
    let (m, n, k) = (product.m, product.n, product.k)
    if m == 1, n <= StreamedProduct.mostColumns(processor),
      n * k * Self.elementBytes
        >= StreamedProduct.leastBytes(columns: n, elementBytes: Self.elementBytes, processor)
    {
      return "  " + cells(product.name, "streamed", "\(StreamedProduct.units(processor))", "")
    }
    let tile = best(m: m, n: n, k: k, mostRows: Packing.mostRows(distance: k * Self.elementBytes, processor))
    let grid = TileGrid(
      rows: m, n: n, k: [k], rowElements: k + n, tile: tile, width: tile.vectors * processor.floatLanes, batch: [],
      sharesB: true,
      elementBytes: Self.elementBytes, processor: processor)
    let chunk = grid.chunk == grid.blocks ? "all" : "\(grid.chunk * tile.rows)"
    return "  " + cells(product.name, shape(tile), "\(grid.partCount) of \(grid.parts[0].count)", chunk)
  }

  private func convolutionRow(_ layer: (name: String, side: Int, inputs: Int, outputs: Int)) -> String {
    let cost = WinogradCost(
      images: 1, output: [layer.side, layer.side], inputs: layer.inputs, outputs: layer.outputs, isFilterFixed: true,
      processor: processor)
    let direct = best(m: layer.side * layer.side, n: layer.outputs, k: 9 * layer.inputs)
    guard let side = cost.best else { return "  " + cells(layer.name, shape(direct), "no", "") }
    let tiles = (layer.side + side - 1) / side
    let product = best(m: tiles * tiles, n: layer.outputs, k: layer.inputs, batch: (side + 2) * (side + 2))
    return "  " + cells(layer.name, shape(direct), "F(\(side)×\(side))", shape(product))
  }

  private func best(m: Int, n: Int, k: Int, batch: Int = 1, mostRows: Int? = nil) -> ContractionTile {
    .best(m: m, n: n, k: k, batch: batch, lanes: processor.floatLanes, processor: processor, mostRows: mostRows)
  }

  private func unpackedRows(distance: Int) -> String {
    "\(Packing.mostRows(distance: distance, processor)) that are \(distance) bytes apart"
  }

  private func shape(_ tile: ContractionTile) -> String { "\(tile.rows) × \(tile.vectors * processor.floatLanes)" }

  private func kibibytes(_ bytes: Int) -> String { "\(bytes >> 10) KiB" }

  private func cells(_ first: String, _ rest: String...) -> String {
    let padded = [first.padded(to: 26)] + rest.map { $0.padded(to: 13) }
    return String(padded.joined().reversed().drop { $0 == " " }.reversed())
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
