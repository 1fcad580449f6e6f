import ApusCore
import ApusData

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

  /// How many batches are made ahead of the one that is being trained on; 2 unless it says otherwise. Of small batches there
  /// are more, 4 MiB in all, unless a callback watches batches: many of them are trained on in one call then.
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

  /// Some of the samples.
  func gathered(_ rows: [Int]) throws -> Batch {
    func gather(_ tensors: ByName<Tensor>) throws -> ByName<Tensor> { try tensors.map { try $0.gather(rows: rows) } }
    return Batch(inputs: try gather(inputs), targets: try gather(targets), sampleWeights: try gather(sampleWeights))
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
    let batches = Prefetcher(
      count: stepCount, ahead: data.prefetchedBatches, room: isByOne ? 0 : 4 << 20, size: Batch.byteCount
    ) { step in
      let place = steps.place(step, inEpoch: epoch)
      return try namingBatch(place) { try data.batch(place.batch, ofEpoch: place.pass) }
    }
    defer { batches.stop() }
    var (step, length) = (0, ChunkLength(isByOne: isByOne))
    while true {
      let group = try batches.next(upTo: length.batches)
      guard !group.isEmpty else { return }
      // A batch that does not fit is an error after those before it are trained on.
      var (fitting, fault): ([Samples], (any Error)?) = ([], nil)
      for batch in group where fault == nil {
        do {
          fitting.append(try namingBatch(steps.place(step + fitting.count, inEpoch: epoch)) { try fit(batch) })
        } catch { fault = error }
      }
      for chunk in try Self.chunks(fitting, first: step) {
        guard try length.measuring(chunk, body) else { return }
        step += chunk.batchCount
      }
      if let fault { throw fault }
    }
  }

  /// Batches that follow each other, those of one size and type joined.
  private static func chunks(_ batches: [Samples], first: Int) throws -> [Chunk] {
    var chunks: [Chunk] = []
    var (rest, step) = (batches[...], first)
    while let head = rest.first {
      let joinable = rest.prefix { $0.hasTypes(of: head) }
      let samples = try joinable.count == 1 ? head : Samples.joined(Array(joinable))
      chunks.append(
        Chunk(
          samples: samples, rows: joinable.count == 1 ? nil : Array(0..<samples.count), batchSize: head.count,
          first: step)
      )
      step += joinable.count
      rest = rest.dropFirst(joinable.count)
    }
    return chunks
  }
}

extension Batch {
  /// The bytes of a batch's tensors.
  fileprivate static func byteCount(_ batch: Batch) -> Int {
    [batch.inputs, batch.targets, batch.sampleWeights].flatMap(\.values).reduce(0) { $0 + $1.byteCount }
  }
}

/// Runs `body`; an error says which batch it is about. Both numbers are from 0, as `batch(_:ofEpoch:)` has them.
func namingBatch<Result>(_ place: (pass: Int, batch: Int), _ body: () throws -> Result) throws -> Result {
  let name = "batch \(place.batch) of epoch \(place.pass)"
  do { return try body() } catch let error as ApusError {
    throw ApusError(error.fault, error.diagnostics.map { $0.within(name) })
  } catch {
    throw ApusError.input("\(name): \(error)")
  }
}
