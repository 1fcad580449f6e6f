import ApusCore
import ApusData
import Synchronization

/// The samples of two NPY files, inputs and targets, which are read while they are trained on: they may be larger than memory.
///
///     let data = try ArrayStream(inputs: "x.npy", targets: "y.npy", batchSize: 32)
///     let (train, validation) = try data.split(validation: 0.1)
///     try trainer.fit(train, epochs: 3, validation: validation)
///
/// Rows are shuffled in two steps, so that the disk reads pieces and not single rows: blocks of about 128 KiB are put into a
/// random order, and the rows of 64 blocks that follow each other are mixed. Samples that are sorted by class in the file are
/// mixed less than in memory; shuffle them once before, if they are.
public final class ArrayStream: WindowedDataset {
  public let batchSize: Int
  public var batchCount: Int { (count + batchSize - 1) / batchSize }
  /// How many samples it has.
  public var count: Int { rows.count }
  /// What each sample's loss is multiplied by, `[count of the file, …]`; nil for nothing.
  public let sampleWeights: Tensor?
  let isShuffled: Bool
  /// The part of a set that was set aside when this one was made of it.
  private let validationSplit: Double
  private let seed: UInt64
  private let rows: Range<Int>
  private let files: (inputs: NPYRows, targets: NPYRows)
  /// The order of a pass's blocks.
  private let blocks = Mutex<(pass: Int, order: [Int])?>(nil)
  private let known = Mutex(Known())
  /// The last pass in which a window came as slowly as from a disk.
  private let slowPass = Atomic<Int>(-1)

  /// Bytes of inputs that are read at once, and how many such blocks are mixed.
  private static let blockSize = 128 << 10
  private static let blocksPerWindow = 64

  /// The window that was read last, and memory for others.
  private struct Known {
    var window: (number: Int, pass: Int, samples: SampleWindow)?
    /// Inputs and targets of windows before it, by their number of rows: that of whole windows, and that of a pass's last one.
    var spare: [Int: (inputs: Tensor?, targets: Tensor?)] = [:]

    /// Forgets the window, but not its memory.
    mutating func release() {
      guard let samples = window?.samples else { return }
      spare[samples.order.count] = (samples.samples.inputs.values.first, samples.samples.targets.values.first)
      window = nil
    }
  }

  /// Bytes a nanosecond: windows that come more slowly come from a disk, and not from the system's memory.
  private static let memoryRate = 4

  /// - Parameters:
  ///   - inputs: an NPY file, `[count, …]`.
  ///   - targets: another one with as many rows.
  ///   - shuffle: whether each pass has an order of its own.
  ///   - sampleWeights: what each sample's loss is multiplied by.
  /// - Throws: `ApusError` if a file cannot be read by rows, the counts differ, or the batch size is not positive.
  public convenience init(
    inputs: String, targets: String, batchSize: Int = 32, shuffle: Bool = true, seed: UInt64 = 0,
    sampleWeights: Tensor? = nil
  ) throws {
    let files = (inputs: try NPYRows(inputs), targets: try NPYRows(targets))
    guard files.inputs.count == files.targets.count else {
      throw ApusError.file(
        targets, "has \(files.targets.count) rows for the \(files.inputs.count) samples of '\(inputs)'",
        help: "each sample needs one")
    }
    guard batchSize > 0 else { throw ApusError.input("a batch size of \(batchSize) makes no batches") }
    if let sampleWeights, sampleWeights.dimensions.first != files.inputs.count {
      throw ApusError.input("\(files.inputs.count) samples have the weights \(sampleWeights.type)")
    }
    self.init(files, 0..<files.inputs.count, batchSize, shuffle, seed, sampleWeights, validationSplit: 0)
  }

  private init(
    _ files: (inputs: NPYRows, targets: NPYRows), _ rows: Range<Int>, _ batchSize: Int, _ isShuffled: Bool,
    _ seed: UInt64, _ sampleWeights: Tensor?, validationSplit: Double
  ) {
    (self.files, self.rows, self.batchSize, self.isShuffled) = (files, rows, batchSize, isShuffled)
    (self.seed, self.sampleWeights, self.validationSplit) = (seed, sampleWeights, validationSplit)
  }

  /// Some of the samples, as a set of their own.
  /// - Parameters: what is nil is as here.
  /// - Throws: `ApusError` if they are not samples of this set, or the batch size is not positive.
  public func part(
    _ rows: Range<Int>, batchSize: Int? = nil, shuffle: Bool? = nil, seed: UInt64? = nil
  ) throws -> ArrayStream {
    try part(rows, batchSize, shuffle, seed, validationSplit: 0)
  }

  private func part(
    _ rows: Range<Int>, _ batchSize: Int?, _ shuffle: Bool?, _ seed: UInt64?, validationSplit: Double
  ) throws -> ArrayStream {
    guard rows.lowerBound >= 0, rows.upperBound <= count, !rows.isEmpty else {
      throw ApusError.input("the samples \(rows) are not among the \(count) of '\(files.inputs.path)'")
    }
    guard batchSize ?? 1 > 0 else { throw ApusError.input("a batch size of \(batchSize ?? 0) makes no batches") }
    let first = self.rows.lowerBound
    return ArrayStream(
      files, first + rows.lowerBound..<first + rows.upperBound, batchSize ?? self.batchSize, shuffle ?? isShuffled,
      seed ?? self.seed, sampleWeights, validationSplit: validationSplit)
  }

  /// The samples to train on, and the last part of them, which is not shuffled, to validate on.
  /// - Parameters:
  ///   - validation: the fraction for validation; none if 0.
  ///   - batchSize, shuffle, seed: what is nil is as here.
  /// - Throws: `ApusError` if the fraction is not in [0, 1), or a part would be empty.
  public func split(
    validation: Double, batchSize: Int? = nil, validationBatchSize: Int? = nil, shuffle: Bool? = nil,
    seed: UInt64? = nil
  ) throws -> (train: ArrayStream, validation: ArrayStream?) {
    let split = try ValidationSplit(count: count, validation: validation)
    return (
      try part(split.train, batchSize, shuffle, seed, validationSplit: validation),
      split.validation.isEmpty
        ? nil : try part(split.validation, validationBatchSize ?? batchSize, false, seed, validationSplit: 0)
    )
  }

  /// What decides which samples each step sees.
  func settings(stepsPerEpoch: Int?) -> FitSettings {
    FitSettings(
      batchSize: batchSize, validationSplit: validationSplit, shuffle: isShuffled, stepsPerEpoch: stepsPerEpoch,
      streams: true)
  }

  /// Some of the samples, in the order of the file.
  /// - Throws: `ApusError` if they are not samples of this set, or a file cannot be read.
  public func samples(_ rows: Range<Int>) throws -> (inputs: Tensor, targets: Tensor) {
    let part = try part(rows)
    return (try files.inputs.rows(part.rows), try files.targets.rows(part.rows))
  }

  // MARK: Batches

  /// Whole batches of rows, about as large as a block.
  private var blockRows: Int {
    let rowsPerBlock = Self.blockSize / max(1, files.inputs.rowByteCount)
    return batchSize * max(1, rowsPerBlock / batchSize)
  }

  var batchesPerWindow: Int { blockRows / batchSize * Self.blocksPerWindow }

  public func batch(_ index: Int, ofEpoch pass: Int) throws -> Batch {
    let (number, place) = index.quotientAndRemainder(dividingBy: batchesPerWindow)
    let window = try window(number, ofEpoch: pass)
    let start = place * batchSize
    return try window.samples.gathered(Array(window.order[start..<min(start + batchSize, window.order.count)]))
  }

  /// The rows of a few blocks, in the pass's order.
  func window(_ number: Int, ofEpoch pass: Int) throws -> SampleWindow {
    try known.withLock { known in
      if let window = known.window, window.number == number, window.pass == pass { return window.samples }
      known.release()
      let begin = ContinuousClock.now
      let samples = try read(window: number, pass, &known.spare)
      note(ContinuousClock.now - begin, for: samples.samples, pass)
      known.window = (number, pass, samples)
      return samples
    }
  }

  func announce(window number: Int, ofEpoch pass: Int) {
    guard slowPass.load(ordering: .relaxed) == pass else { return }
    for rows in ranges(ofWindow: number, pass) {
      files.inputs.willNeed(rows)
      files.targets.willNeed(rows)
    }
  }

  /// Notes a pass in which samples came slowly. What was announced comes fast, so a pass stays slow.
  private func note(_ time: Duration, for samples: Batch, _ pass: Int) {
    let byteCount = samples.inputs.values.reduce(0) { $0 + $1.byteCount }
    if time > .nanoseconds(byteCount / Self.memoryRate) { slowPass.store(pass, ordering: .relaxed) }
  }

  private func read(window number: Int, _ pass: Int, _ spare: inout [Int: (inputs: Tensor?, targets: Tensor?)]) throws
    -> SampleWindow
  {
    let ranges = ranges(ofWindow: number, pass)
    let total = ranges.reduce(0) { $0 + $1.count }
    var order = Array(0..<total)
    // Windows of a pass draw different numbers.
    if isShuffled {
      let drawn = seed &+ (UInt64(number) &+ 1) &* 0x9E37_79B9_7F4A_7C15
      order = Shuffle.permutation(count: total, seed: drawn, epoch: pass)
    }
    var (inputs, targets) = spare.removeValue(forKey: total) ?? (nil, nil)
    return SampleWindow(
      samples: Batch(
        try Self.read(ranges, of: files.inputs, &inputs), try Self.read(ranges, of: files.targets, &targets),
        sampleWeights: try sampleWeights?.gather(rows: ranges.flatMap(Array.init))),
      order: order)
  }

  /// - Parameter memory: a tensor that is not needed anymore.
  private static func read(_ ranges: [Range<Int>], of file: NPYRows, _ memory: inout Tensor?) throws -> Tensor {
    let count = ranges.reduce(0) { $0 + $1.count }
    var result = try Tensor(
      uninitialized: file.type.dtype, [count] + file.type.shape.dims.dropFirst().map { $0.number ?? 0 },
      reusing: &memory)
    try result.withUnsafeMutableBytes { buffer in
      var offset = 0
      for range in ranges {
        try file.read(range, into: UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]))
        offset += range.count * file.rowByteCount
      }
    }
    return result
  }

  /// The rows of the files that a window has, block by block.
  private func ranges(ofWindow number: Int, _ pass: Int) -> [Range<Int>] {
    let (size, first) = (blockRows, number * Self.blocksPerWindow)
    let order = blocks.withLock { known in
      if known?.pass != pass { known = (pass, blockOrder(ofPass: pass)) }
      return known?.order ?? []
    }
    return order[first..<min(first + Self.blocksPerWindow, order.count)].map { block in
      let start = rows.lowerBound + block * size
      return start..<min(start + size, rows.upperBound)
    }
  }

  /// The order of a pass's blocks. Rows that do not fill a block come last, so that all batches before are whole.
  private func blockOrder(ofPass pass: Int) -> [Int] {
    let whole = count / blockRows
    let blocks = isShuffled ? Shuffle.permutation(count: whole, seed: seed, epoch: pass) : Array(0..<whole)
    return whole * blockRows < count ? blocks + [whole] : blocks
  }
}
