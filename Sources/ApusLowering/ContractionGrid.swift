import ApusCore
import ApusKernels
import ApusPlanning

/// The tiles of a product in the order they are computed, and the parts that k is cut into.
///
/// Small products are one part, panel of columns by panel of columns. Where less is read from beyond the second cache in
/// this way, they are computed in chunks of rows instead: a worker has rows of the first operand, of the result and of what
/// the epilogue reads for itself, often the same in the products that precede and follow. So they are, too, in a loop
/// that does not change the second operand: each core keeps all of it. In large products k is cut so that a panel of the
/// second operand stays in the second cache, and with it the first operand's part of as many rows as make a chunk: the
/// blocking of Goto and van de Geijn (2008). Sums of all parts but the last go through memory. Parts between the first and
/// the last are one kernel with a loop: code does not grow with k.
///
/// How k is cut decides in which order sums are added, so it depends on the processor's model and on nothing else.
struct TileGrid {
  /// Parts of k that one kernel does, one after the other.
  struct Part {
    /// In steps of the outermost axis of k.
    var start: Int
    /// Such steps in each.
    var count: Int
    /// How many equal parts follow each other.
    var repetitions = 1
    /// How many such parts, of steps that follow each other, different units do side by side.
    var splits = 1
    var isFirst: Bool
    var isLast: Bool
  }

  let panels: Int
  let blocks: Int
  /// Blocks of rows in a chunk.
  let chunk: Int
  let batch: [Int]
  /// Whether the first operand comes from beyond the second cache, and is read once, in order.
  let isFirstStreamed: Bool
  /// Whether all places of the batch see the same second operand: then a panel of it is used for all of them in turn.
  let isPanelFirst: Bool
  let parts: [Part]

  /// - Parameters:
  ///   - rowElements: of a row of the first operand, of the results and of what the epilogue reads; nil if the first operand
  ///     is transposed, so that results are gradients of weights: these are shared by columns, as where they are read.
  ///   - ownership: what each core has for itself, if not columns.
  init(
    rows: Int, n: Int, k axes: [Int], rowElements: Int?, tile: ContractionTile, width: Int, batch: [Int],
    sharesB: Bool, ownership: Ownership? = nil, elementBytes: Int, processor: ProcessorModel
  ) {
    let (cache, depth) = (processor.secondCache.bytes, TileGrid.depth(processor))
    let k = axes.reduce(1, *)
    isPanelFirst = sharesB
    panels = (n + width - 1) / width
    blocks = (rows + tile.rows - 1) / tile.rows
    self.batch = batch.reduce(1, *) > 1 ? batch : batch.map { _ in 1 }
    if ownership == .depth {
      isFirstStreamed = false
      chunk = blocks
      let share = k / processor.cores
      parts = [
        Part(start: 0, count: share, splits: processor.cores, isFirst: true, isLast: false),
        Part(start: k, count: 0, isFirst: false, isLast: true),
      ]
      return
    }
    let smallest = min(rows, n) * k * elementBytes
    // A single tile reads each operand once, whole or in parts.
    let isLarge =
      smallest > cache && axes.count == 1 && k > depth + depth / 2 && panels * blocks > 1
      && batch.allSatisfy { $0 == 1 }
    // The second cache would not keep a panel until the next block of rows reads it again.
    let isDeep = sharesB && k * width * elementBytes > cache / 2 && batch.reduce(blocks, *) > 2 && axes[0] > 1
    guard isLarge || isDeep else {
      let (first, second) = (rows * k * elementBytes, n * k * elementBytes)
      let passing = rows * (rowElements ?? 0) * elementBytes
      let isFirstLarge = first > cache / 2
      let isKept = second <= cache
      // Where the first operand does not stay in the second cache while all panels of the second pass by, chunks of its
      // rows are so small that they do.
      let most = isFirstLarge ? max(1, cache / 8 / (k * elementBytes * tile.rows)) : blocks
      let cores = processor.cores
      let chunks = ((blocks + most - 1) / most + cores - 1) / cores * cores
      // How often each operand comes from beyond the second cache: the second in chunks of rows, the first panel by panel.
      // What else lies in rows moves from core to core once if panels are shared.
      let secondReads = isKept ? cores : chunks
      let firstReads = isFirstLarge ? panels : cores
      let pays =
        rowElements == nil
        ? isKept && isFirstLarge
        : passing > 2 * processor.firstCache.bytes
          && (secondReads - 1) * second < (firstReads - 1) * first + (passing - first)
      if axes.count == 1, batch.allSatisfy({ $0 == 1 }), pays {
        chunk = (blocks + chunks - 1) / chunks
        isFirstStreamed = isFirstLarge
      } else if ownership == .rows {
        chunk = (blocks + processor.cores - 1) / processor.cores
        isFirstStreamed = false
      } else {
        chunk = blocks
        isFirstStreamed = !sharesB && batch.reduce(first, *) > cache / 2
      }
      parts = [Part(start: 0, count: axes[0], isFirst: true, isLast: true)]
      return
    }
    isFirstStreamed = false
    let inner = k / axes[0]
    let number = min(axes[0], (k + depth - 1) / depth)
    let length = (axes[0] + number - 1) / number
    let last = (axes[0] - 1) / length * length
    parts = [
      Part(start: 0, count: length, isFirst: true, isLast: false),
      Part(start: length, count: length, repetitions: last / length - 1, isFirst: false, isLast: false),
      Part(start: last, count: axes[0] - last, isFirst: false, isLast: true),
    ].filter { $0.repetitions > 0 }
    // A third for the chunk, a third or less for the panel, the rest for the sums and for what else passes by.
    chunk = isLarge ? max(1, cache / 3 / (length * inner * elementBytes * tile.rows)) : blocks
  }

  /// What each core has for itself.
  enum Ownership {
    /// Rows of the first operand and of the results.
    case rows
    /// Steps of k, and so rows of the second operand: the cores' sums are added afterwards.
    case depth
  }

  /// Whether cores own rows of a matrix of weights that each run reads in a product with few rows and then changes. By
  /// columns, each page of the matrix would be several cores': on Emerald Rapids a layer of 784 × 128 weights trained no
  /// faster by two cores then than by one.
  /// - Parameters:
  ///   - weights: rows and columns.
  ///   - rows: of the product that reads the weights.
  static func ownsWeights(
    _ weights: (rows: Int, columns: Int), rows: Int, elementBytes: Int, _ processor: ProcessorModel
  ) -> Bool {
    let sharers = processor.cores
    return (2...mostNarrowParts).contains(sharers) && weights.rows.isMultiple(of: sharers)
      && weights.rows >= leastOwnSteps * sharers && weights.rows * weights.columns * rows >= processor.serialWork
      // Adding the cores' sums is little beside reading the weights.
      && weights.rows >= 4 * sharers * rows
      // With what an optimizer keeps beside them, they stay in the cores' second caches until the next run.
      && weights.rows * weights.columns * elementBytes <= sharers * processor.secondCache.bytes / 2
  }

  /// Fewer steps of k for each core would hardly pay for adding its sums.
  private static let leastOwnSteps = 64

  /// Whether each core keeps all of the second operand of a product in a loop that does not change it, and computes rows of
  /// its own. A round reads what other kernels of the round wrote, which share it by rows: by columns, half of that, and of
  /// the results, would move from core to core in each round.
  static func keepsSecond(rows: Int, n: Int, k: Int, elementBytes: Int, _ processor: ProcessorModel) -> Bool {
    rows >= leastOwnRows * processor.cores && n * k * elementBytes <= processor.secondCache.bytes / 2
  }

  /// With fewer rows for each core, the second cache would give the second operand more slowly than it is multiplied.
  static let leastOwnRows = 8

  /// How many parts k is cut into.
  var partCount: Int { parts.reduce(0) { $0 + $1.repetitions } }

  /// How far the rows that a tile fetches ahead are from its own, where the hardware prefetcher does not detect what it
  /// reads: those of the next block, or at the next place of the batch. Nil: it fetches none.
  func fetchDistance(_ a: ContractionOperand, k: [Int], tile: ContractionTile) -> Int? {
    guard isFirstStreamed, a.k == [1], a.free == k[0] else { return nil }
    return chunks > 1 ? tile.rows * k[0] : a.batch.last
  }

  /// Whether sums between parts are kept in double precision, so that the number of parts does not add to the error.
  var keepsWideSums: Bool { partCount > TileGrid.mostNarrowParts }

  /// Parts whose sums are added in the elements' type.
  private static let mostNarrowParts = 16

  /// About how many steps of k make a part: a panel of two vectors then takes an eighth of the second cache.
  static func depth(_ processor: ProcessorModel) -> Int {
    processor.secondCache.bytes / 8 / (2 * processor.vectorBytes)
  }

  var chunks: Int { (blocks + chunk - 1) / chunk }
  /// Of a part that is not split.
  var units: Int { batch.reduce(1, *) * panels * chunks * chunk }
  /// How many tiles of sums there are in memory for each tile of results.
  var splits: Int { parts[0].splits }

  /// Blocks of rows that use a panel of the second operand one after the other.
  var uses: Int { isPanelFirst && chunks == 1 ? batch.reduce(blocks, *) : chunk }

  /// Which tile a unit is. Where blocks do not divide into chunks of one length, some have one less, evenly dealt out, and
  /// their last units are none: workers' shares of the units are then shares of the work.
  func split(
    _ unit: Register, _ builder: KernelBuilder,
    _ body: (_ batch: [Register], _ panel: Register, _ block: Register) -> Void
  ) {
    let order = isPanelFirst && chunks == 1 ? [panels] + batch + [1, chunk] : batch + [chunks, panels, chunk]
    var parts = builder.split(unit, by: order)
    if isPanelFirst, chunks == 1 {
      let panel = parts.removeFirst()
      parts.insert(panel, at: batch.count + 1)
    }
    let indices = Array(parts.prefix(batch.count)) + [builder.index(0), builder.index(0)]
    let panel = parts[batch.count + 1]
    func start(_ chunk: Register) -> Register {
      builder.binary(.divideUnsigned, builder.multiply(chunk, blocks), builder.index(chunks))
    }
    if chunks * chunk == blocks {
      return body(indices, panel, builder.add(builder.multiply(parts[batch.count], chunk), parts[batch.count + 2]))
    }
    let block = builder.add(start(parts[batch.count]), parts[batch.count + 2])
    builder.branch(builder.compare(.less, block, start(builder.add(parts[batch.count], 1)))) {
      body(indices, panel, block)
      return []
    }
  }
}
