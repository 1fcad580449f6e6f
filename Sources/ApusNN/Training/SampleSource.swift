import ApusCore
import ApusData
import ApusGraph

/// Consecutive batches of one size, which run in one call.
struct Chunk {
  let samples: Samples
  /// The rows of all batches, one batch after the other; nil if the samples are one batch.
  let rows: [Int]?
  let batchSize: Int
  /// How many batches of the epoch precede it.
  let first: Int

  var sampleCount: Int { rows?.count ?? samples.count }
  var batchCount: Int { sampleCount / batchSize }

  /// For each output of a step the values of all batches.
  func run(_ program: Program) throws -> [Tensor] {
    guard let rows else { return try program.run(samples.feeds) }
    return try program.run(overRows: rows, batchSize: batchSize, of: samples.feeds)
  }
}

/// How many batches run in one call: as many as take a tenth of a second, so that progress can be seen.
struct ChunkLength {
  private(set) var batches = 1
  private let isByOne: Bool
  private let clock = ContinuousClock()

  /// - Parameter isByOne: whether it stays one batch.
  init(isByOne: Bool) { self.isByOne = isByOne }

  /// Runs a chunk; the next ones may be longer if it was fast.
  mutating func measuring(_ chunk: Chunk, _ body: (Chunk) throws -> Bool) rethrows -> Bool {
    let begin = clock.now
    let goesOn = try body(chunk)
    if !isByOne, chunk.batchCount >= batches, clock.now - begin < .milliseconds(100) {
      batches = min(batches * 2, 1 << 16)
    }
    return goesOn
  }
}

/// Where the batches of an epoch come from.
protocol SampleSource {
  /// Steps of an epoch.
  var stepCount: Int { get }

  /// Goes through an epoch.
  /// - Parameters:
  ///   - seed: of the order, if it is shuffled.
  ///   - isByOne: whether each batch is a chunk of its own.
  ///   - body: says whether to go on.
  func forEachChunk(
    ofEpoch epoch: Int, seed: UInt64, isByOne: Bool, _ body: (Chunk) throws -> Bool
  ) throws
}

/// How many batches an epoch or an evaluation has.
enum EpochLength {
  /// One pass through the data.
  case pass
  /// `stepsPerEpoch` of them, where passes follow each other; one pass if nil.
  case steps(Int?)
  /// `validationSteps` of them, but no more than a pass has; one pass if nil.
  case atMost(Int?)
}

/// The steps of an epoch among all passes through the data. Without a number of steps an epoch is one pass; with one, an
/// epoch begins where the one before ended, and passes follow each other, as in Keras.
struct EpochSteps {
  let batchesPerPass: Int
  let stepCount: Int

  /// - Throws: `ApusError` if there are no steps.
  init(batchesPerPass: Int, _ length: EpochLength) throws {
    guard batchesPerPass > 0 else { throw ApusError.input("there are no batches", help: "batchCount is at least 1") }
    self.batchesPerPass = batchesPerPass
    switch length {
    case .steps(let count?):
      guard count >= 1 else {
        throw ApusError.input("an epoch of \(count) steps trains nothing", help: "stepsPerEpoch is at least 1")
      }
      guard count <= Limits.magnitude else {
        throw ApusError.input(
          "an epoch of \(count) steps does not end", help: "stepsPerEpoch is at most \(Limits.magnitude)")
      }
      stepCount = count
    case .atMost(let count?):
      guard count >= 1 else {
        throw ApusError.input("a validation of \(count) steps says nothing", help: "validationSteps is at least 1")
      }
      stepCount = min(count, batchesPerPass)
    case .pass, .steps(nil), .atMost(nil): stepCount = batchesPerPass
    }
  }

  /// The pass and the batch in it of an epoch's step.
  func place(_ step: Int, inEpoch epoch: Int) -> (pass: Int, batch: Int) {
    let all = (epoch * stepCount + step).quotientAndRemainder(dividingBy: batchesPerPass)
    return (all.quotient, all.remainder)
  }
}

/// Samples in memory.
struct ArraySource: SampleSource {
  private let samples: Samples
  private let rows: Range<Int>
  private let batches: BatchSequence
  private let steps: EpochSteps
  private let isShuffled: Bool

  var stepCount: Int { steps.stepCount }

  /// - Parameters:
  ///   - rows: the samples that take part; all if nil.
  ///   - isShuffled: whether each pass has an order of its own.
  init(
    _ samples: Samples, rows: Range<Int>? = nil, batchSize: Int, isShuffled: Bool = false, length: EpochLength = .pass
  ) throws {
    self.samples = samples
    self.rows = rows ?? 0..<samples.count
    batches = try BatchSequence(count: self.rows.count, batchSize: batchSize)
    steps = try EpochSteps(batchesPerPass: batches.count, length)
    self.isShuffled = isShuffled
  }

  func forEachChunk(
    ofEpoch epoch: Int, seed: UInt64, isByOne: Bool, _ body: (Chunk) throws -> Bool
  ) throws {
    var pass: (number: Int, order: [Int])?
    /// The rows of a step.
    func rows(of step: Int) -> ArraySlice<Int> {
      let place = steps.place(step, inEpoch: epoch)
      if pass?.number != place.pass { pass = (place.pass, order(ofPass: place.pass, seed: seed)) }
      return pass?.order[batches[place.batch]] ?? []
    }
    var length = ChunkLength(isByOne: isByOne)
    var next = 0
    while next < stepCount {
      var chunk = rows(of: next)
      let size = chunk.count
      let start = next
      next += 1
      // A pass's last batch can be shorter: it goes alone. Full batches are joined into a chunk.
      if size == batches.batchSize {
        var all = Array(chunk)
        while next < min(start + length.batches, stepCount) {
          chunk = rows(of: next)
          guard chunk.count == size else { break }
          all += chunk
          next += 1
        }
        chunk = all[...]
      }
      let done = Chunk(samples: samples, rows: Array(chunk), batchSize: size, first: start)
      guard try length.measuring(done, body) else { return }
    }
  }

  private func order(ofPass pass: Int, seed: UInt64) -> [Int] {
    guard isShuffled else { return Array(rows) }
    let order = Shuffle.permutation(count: rows.count, seed: seed, epoch: pass)
    return rows.lowerBound == 0 ? order : order.map { $0 + rows.lowerBound }
  }
}
