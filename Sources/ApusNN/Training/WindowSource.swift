import ApusCore

/// A stream whose batches are parts of larger pieces of the data, which are read at once: windows. Training gathers the rows
/// of a window as it gathers those of samples in memory, so that no batch is copied on its own.
///
/// Windows are copied between runs: a thread that copied them meanwhile would take a core from a run, whose workers wait for
/// each other. What the disk has to fetch is fetched meanwhile: `announce` asks the system for it.
protocol WindowedDataset: StreamedDataset {
  /// Of all batches but the last one of a pass, which can be smaller.
  var batchSize: Int { get }
  /// Of all windows but the last one of a pass, which can have fewer.
  var batchesPerWindow: Int { get }

  /// The window with the batches from `index * batchesPerWindow` on.
  /// - Parameter epoch: from 0, the number of the pass.
  func window(_ index: Int, ofEpoch epoch: Int) throws -> SampleWindow

  /// Says that a window will be asked for soon, after the next one.
  func announce(window index: Int, ofEpoch epoch: Int)
}

/// Samples that are in memory together.
struct SampleWindow: Sendable {
  let samples: Batch
  /// The rows of its batches, one batch after the other.
  let order: [Int]
}

/// Batches of a stream that is read by windows.
struct WindowSource: SampleSource {
  private let data: any WindowedDataset
  private let steps: EpochSteps
  private let fit: (Batch) throws -> Samples
  private let checkSize: (Int) throws -> Void
  /// How many windows ahead one is announced: the disk has work while it is waited for.
  private static let ahead = 2

  var stepCount: Int { steps.stepCount }

  /// - Parameters:
  ///   - fit: any number of samples as the model takes them.
  ///   - checkSize: throws if batches of a size are none of the model.
  init(
    _ data: any WindowedDataset, _ length: EpochLength, fit: @escaping (Batch) throws -> Samples,
    checkSize: @escaping (Int) throws -> Void
  ) throws {
    (self.data, self.fit, self.checkSize) = (data, fit, checkSize)
    steps = try EpochSteps(batchesPerPass: data.batchCount, length)
  }

  func forEachChunk(
    ofEpoch epoch: Int, seed: UInt64, isByOne: Bool, _ body: (Chunk) throws -> Bool
  ) throws {
    let (data, pieces) = (data, WindowPieces(steps, epoch: epoch, batchesPerWindow: data.batchesPerWindow))
    var length = ChunkLength(isByOne: isByOne)
    for index in 0..<pieces.count {
      let piece = pieces[index]
      let window = try piece.naming(piece.batches.lowerBound) { try data.window(piece.window, ofEpoch: piece.pass) }
      if index + Self.ahead < pieces.count {
        let later = pieces[index + Self.ahead]
        data.announce(window: later.window, ofEpoch: later.pass)
      }
      // If samples of the window do not fit, those of the batches before them are trained on: one by one.
      let samples = try? fit(window.samples)
      var next = piece.batches.lowerBound
      while next < piece.batches.upperBound {
        let chunk = try chunk(samples, of: window, from: next, in: piece, upTo: length.batches)
        guard try length.measuring(chunk, body) else { return }
        next += chunk.batchCount
      }
    }
  }

  /// Consecutive batches of a window.
  /// - Parameter samples: all of them, if all fit the model.
  private func chunk(
    _ samples: Samples?, of window: SampleWindow, from first: Int, in piece: WindowPieces.Piece, upTo most: Int
  ) throws -> Chunk {
    let start = (first - piece.window * data.batchesPerWindow) * data.batchSize
    let rest = window.order.count - start
    // The last batch of a pass can be shorter: it goes alone.
    let size = min(data.batchSize, rest)
    let count = min(samples == nil ? 1 : most, piece.batches.upperBound - first, rest / size)
    let rows = Array(window.order[start..<start + count * size])
    let step = piece.firstStep + first - piece.batches.lowerBound
    return try piece.naming(first) {
      try checkSize(size)
      guard let samples else {
        return Chunk(samples: try fit(window.samples.gathered(rows)), rows: nil, batchSize: size, first: step)
      }
      return Chunk(samples: samples, rows: rows, batchSize: size, first: step)
    }
  }
}

/// The windows that an epoch's steps go through, in order.
struct WindowPieces {
  /// What an epoch takes of a window.
  struct Piece {
    /// Of the pass, and of the window in it.
    let pass, window: Int
    /// Numbers in the pass.
    let batches: Range<Int>
    /// The epoch's step of the first of them.
    let firstStep: Int

    func naming<Result>(_ batch: Int, _ body: () throws -> Result) throws -> Result {
      try namingBatch((pass, batch), body)
    }
  }

  private let steps: EpochSteps
  private let epoch: Int
  private let batchesPerWindow: Int
  private let windowsPerPass: Int

  init(_ steps: EpochSteps, epoch: Int, batchesPerWindow: Int) {
    (self.steps, self.epoch, self.batchesPerWindow) = (steps, epoch, batchesPerWindow)
    windowsPerPass = (steps.batchesPerPass + batchesPerWindow - 1) / batchesPerWindow
  }

  var count: Int { window(of: steps.stepCount - 1) - window(of: 0) + 1 }

  subscript(_ index: Int) -> Piece {
    let (pass, window) = (self.window(of: 0) + index).quotientAndRemainder(dividingBy: windowsPerPass)
    let start = steps.place(0, inEpoch: epoch)
    // The epoch's first step, counted in batches from the begin of this pass.
    let begin = (start.pass - pass) * steps.batchesPerPass + start.batch
    let first = max(window * batchesPerWindow, begin)
    let end = min((window + 1) * batchesPerWindow, steps.batchesPerPass, begin + steps.stepCount)
    return Piece(pass: pass, window: window, batches: first..<end, firstStep: first - begin)
  }

  /// The number of a step's window, over all passes.
  private func window(of step: Int) -> Int {
    let place = steps.place(step, inEpoch: epoch)
    return place.pass * windowsPerPass + place.batch / batchesPerWindow
  }
}
