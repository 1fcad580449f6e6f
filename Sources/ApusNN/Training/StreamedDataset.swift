import ApusCore

/// Samples that come in batches and need not be in memory as a whole: read from files, made by a program.
///
///     struct Shards: StreamedDataset {
///       let batchCount: Int
///       func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch {
///         Batch(try NPY.read("images-\(index).npy"), try NPY.read("labels-\(index).npy"))
///       }
///     }
///
/// `fit` and `evaluate` ask for batches in order on a thread of their own, so that the next one is read while this one is
/// trained on.
public protocol StreamedDataset: Sendable {
  /// How many batches a pass through the data has.
  var batchCount: Int { get }

  /// How many batches are made ahead of the one that is being trained on; 2 unless it says otherwise.
  var prefetchedBatches: Int { get }

  /// A batch. Batches may have different sizes; each size is compiled once.
  /// - Parameters:
  ///   - index: from 0 in each pass.
  ///   - epoch: from 0, the number of the pass: for an order or for random changes that differ from pass to pass.
  /// - Throws: anything; `fit` ends with an error that names the batch.
  func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch
}

extension StreamedDataset {
  public var prefetchedBatches: Int { 2 }
}

/// Samples that are trained on in one step: for each input and target of a model a tensor, samples along axis 0.
public struct Batch: Sendable {
  public var inputs: ByName<Tensor>
  public var targets: ByName<Tensor>
  /// What each sample's loss is multiplied by.
  public var sampleWeights: ByName<Tensor>

  public init(inputs: ByName<Tensor>, targets: ByName<Tensor> = [:], sampleWeights: ByName<Tensor> = [:]) {
    self.inputs = inputs
    self.targets = targets
    self.sampleWeights = sampleWeights
  }

  /// A batch for a model with one input and one output.
  public init(_ inputs: Tensor, _ targets: Tensor, sampleWeights: Tensor? = nil) {
    self.init(inputs: [inputs], targets: [targets], sampleWeights: sampleWeights.map { [$0] } ?? [:])
  }
}

/// Batches of a stream.
struct StreamSource: SampleSource {
  private let data: any StreamedDataset
  private let steps: EpochSteps
  private let fit: (Batch) throws -> Samples

  var stepCount: Int { steps.stepCount }

  /// - Parameter fit: the batch as the model takes it.
  init(_ data: any StreamedDataset, _ length: EpochLength, fit: @escaping (Batch) throws -> Samples) throws {
    self.data = data
    self.fit = fit
    steps = try EpochSteps(batchesPerPass: data.batchCount, length)
  }

  func forEachChunk(
    ofEpoch epoch: Int, seed: UInt64, isByOne: Bool, _ body: (Chunk) throws -> Bool
  ) throws {
    let (data, steps) = (data, steps)
    let batches = Prefetcher(count: stepCount, ahead: data.prefetchedBatches) { step in
      let place = steps.place(step, inEpoch: epoch)
      return try naming(place) { try data.batch(place.batch, ofEpoch: place.pass) }
    }
    defer { batches.stop() }
    var step = 0
    while let batch = try batches.next() {
      let samples = try naming(steps.place(step, inEpoch: epoch)) { try fit(batch) }
      guard try body(Chunk(samples: samples, rows: nil, batchSize: samples.count, first: step)) else { return }
      step += 1
    }
  }
}

/// Runs `body`; an error says which batch it is about. Both numbers are from 0, as `batch(_:ofEpoch:)` has them.
private func naming<Result>(_ place: (pass: Int, batch: Int), _ body: () throws -> Result) throws -> Result {
  let name = "batch \(place.batch) of epoch \(place.pass)"
  do { return try body() } catch let error as ApusError {
    throw ApusError(error.fault, error.diagnostics.map { $0.within(name) })
  } catch {
    throw ApusError.input("\(name): \(error)")
  }
}
