import Apus
import Foundation
import TestSupport
import Testing

@testable import ApusNN

/// Samples that are read from NPY files while they are trained on.
@Suite struct ArrayStreamTests {
  private let folder: TemporaryFolder
  /// Rows of 4 KiB: a block has 32 of them or less, and what is mixed at once 2048.
  private static let count = 2_100

  init() throws { folder = try TemporaryFolder() }

  /// Row k holds k in each place, and its target is k.
  private func numbered(batchSize: Int = 30, shuffle: Bool = true, seed: UInt64 = 1) throws -> ArrayStream {
    let values = (0..<Self.count).flatMap { [Float](repeating: Float($0), count: 1_024) }
    try NPY.write(Tensor(values, [Self.count, 1_024]), to: folder.file("x.npy"))
    try NPY.write(Tensor((0..<Self.count).map(Int32.init)), to: folder.file("y.npy"))
    return try ArrayStream(
      inputs: folder.file("x.npy"), targets: folder.file("y.npy"), batchSize: batchSize, shuffle: shuffle, seed: seed)
  }

  /// The rows of a pass in order; inputs and targets must be of the same ones.
  private func rows(of stream: ArrayStream, pass: Int) throws -> [Int] {
    try (0..<stream.batchCount).flatMap { index in
      let batch = try stream.batch(index, ofEpoch: pass)
      let (x, y) = (batch.inputs.values[0], batch.targets.values[0].doubles())
      #expect(x.dimensions[0] == y.count)
      let first = x.doubles()
      for (row, target) in y.enumerated() {
        #expect(first[row * 1_024] == target && first[row * 1_024 + 1_023] == target)
      }
      return y.map { Int($0) }
    }
  }

  @Test func eachPassHasAllRowsInAnOrderOfItsOwn() throws {
    let stream = try numbered()
    #expect(stream.batchCount == 70)
    let all = Array(0..<Self.count)
    let (first, second) = (try rows(of: stream, pass: 0), try rows(of: stream, pass: 1))
    #expect(first.sorted() == all && second.sorted() == all)
    #expect(first != second && first != all)
    // The same pass again, and of another set with the same seed.
    #expect(try rows(of: stream, pass: 0) == first)
    #expect(try rows(of: stream.part(0..<Self.count, seed: 2), pass: 0) != first)
    // Rows that are far apart meet in a batch.
    #expect((first.prefix(30).max() ?? 0) - (first.prefix(30).min() ?? 0) > 1_000)
    #expect(try rows(of: stream.part(0..<Self.count, shuffle: false), pass: 3) == all)
  }

  @Test func partsAreSetsOfTheirOwn() throws {
    let stream = try numbered(batchSize: 32)
    let (train, validation) = try stream.split(validation: 0.1, validationBatchSize: 50)
    #expect(train.count == 1_890 && train.batchCount == 60)
    #expect(try rows(of: train, pass: 0).sorted() == Array(0..<1_890))
    let rest = try #require(validation)
    #expect(rest.batchSize == 50)
    #expect(try rows(of: rest, pass: 2) == Array(1_890..<2_100))
    #expect(try rows(of: stream.part(100..<200).part(10..<20, shuffle: false), pass: 0) == Array(110..<120))
    #expect(try stream.split(validation: 0).validation == nil)
    let samples = try stream.part(7..<2_000).samples(1..<3)
    #expect(samples.targets.doubles() == [8, 9])
    #expect(refusal { try stream.part(2_000..<2_101) }.contains("are not among the 2100"))
    #expect(refusal { try stream.part(0..<1, batchSize: 0) }.contains("a batch size of 0"))
  }

  private func data(_ count: Int) throws -> (data: SyntheticImages, stream: ArrayStream) {
    let data = try SyntheticImages(count: count)
    try NPY.write(data.images, to: folder.file("images.npy"))
    try NPY.write(data.labels, to: folder.file("labels.npy"))
    let stream = try ArrayStream(
      inputs: folder.file("images.npy"), targets: folder.file("labels.npy"), batchSize: 8, shuffle: false)
    return (data, stream)
  }

  private func trainer(seed: UInt64 = 1) throws -> Trainer {
    try smallModel(dropout: 0.2).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: seed)
  }

  /// Many batches that run in one call give the bits of batches that run one by one, weights and the short last one
  /// included.
  @Test func filesTrainAsMemoryDoes() throws {
    let (data, plain) = try data(500)
    let weights = Tensor((0..<500).map { Float($0 % 3) })
    let stream = try ArrayStream(
      inputs: folder.file("images.npy"), targets: folder.file("labels.npy"), batchSize: 8, shuffle: false,
      sampleWeights: weights)
    let (streamed, whole, byOne) = (try trainer(), try trainer(), try trainer())
    let history = try streamed.fit(stream, epochs: 3, validation: plain, verbose: .silent)
    let expected = try whole.fit(
      data.images, data.labels, batchSize: 8, epochs: 3, validationData: (data.images, data.labels), shuffle: false,
      verbose: .silent, sampleWeights: weights)
    #expect(streamed.state == whole.state)
    #expect(history["val_loss"] == expected["val_loss"])
    try byOne.fit(
      stream, epochs: 3, validation: plain, verbose: .silent, callbacks: [LambdaCallback(onBatchEnd: { _, _, _ in })])
    #expect(byOne.state == whole.state)
    #expect(try streamed.evaluate(plain)["accuracy"] == whole.evaluate(data.images, data.labels)["accuracy"])
  }

  /// The batches of a stream, one by one.
  private struct Batches: StreamedDataset {
    let stream: ArrayStream
    var batchCount: Int { stream.batchCount }
    func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch { try stream.batch(index, ofEpoch: epoch) }
  }

  /// That rows are read by windows is a matter of speed: batches that are asked for one by one train to the same bits, in a
  /// mixed order too, and wherever epochs begin and end.
  @Test(arguments: [nil, 1, 50, 64, 200]) func windowsTrainAsTheirBatchesDo(_ stepsPerEpoch: Int?) throws {
    let (all, count) = (try numbered(), Self.count)
    try NPY.write(Tensor((0..<count).map { Float($0 % 7) }, [count, 1]), to: folder.file("values.npy"))
    let stream = try ArrayStream(
      inputs: folder.file("x.npy"), targets: folder.file("values.npy"), batchSize: 30, seed: 5,
      sampleWeights: Tensor((0..<count).map { Float($0 % 3) }))
    #expect(all.batchesPerWindow == 64 && all.batchCount == 70)
    let trainers = try (0..<2).map { _ in
      try Sequential(input: [1_024]) { Dense(1) }.compile(optimizer: .adam(), loss: .meanSquaredError, seed: 4)
    }
    for (trainer, data) in zip(trainers, [stream, Batches(stream: stream)] as [any StreamedDataset]) {
      try trainer.fit(data, epochs: 3, verbose: .silent, stepsPerEpoch: stepsPerEpoch)
    }
    #expect(trainers[0].stepCount == 3 * (stepsPerEpoch ?? 70))
    #expect(trainers[0].state == trainers[1].state)
    #expect(trainers[0].history["loss"]?.count == 3)
  }

  /// Each step of an epoch is in one piece, in order, in the window of its batch.
  @Test func piecesAreTheStepsOfAnEpoch() throws {
    for (batches, window) in [(7, 3), (6, 3), (5, 9), (1, 1)] {
      for stepCount in 1...16 {
        let steps = try EpochSteps(batchesPerPass: batches, .steps(stepCount))
        for epoch in 0..<5 {
          let pieces = WindowPieces(steps, epoch: epoch, batchesPerWindow: window)
          var step = 0
          for piece in (0..<pieces.count).map({ pieces[$0] }) {
            #expect(piece.firstStep == step && !piece.batches.isEmpty)
            for batch in piece.batches {
              let place = steps.place(step, inEpoch: epoch)
              #expect(place == (piece.pass, batch) && batch / window == piece.window)
              step += 1
            }
          }
          #expect(step == stepCount, "\(batches) batches by \(window), \(stepCount) steps, epoch \(epoch)")
        }
      }
    }
  }

  @Test func theListingTrains() throws {
    _ = try data(100)
    let (x, y) = (folder.file("images.npy"), folder.file("labels.npy"))
    let trainer = try trainer()
    let data = try ArrayStream(inputs: x, targets: y, batchSize: 32)
    let (train, validation) = try data.split(validation: 0.1)
    try trainer.fit(train, epochs: 3, validation: validation)
    #expect(trainer.history["val_loss"]?.count == 3 && trainer.stepCount == 9)
  }

  @Test func aResumedTrainingStreamsOn() throws {
    let stream = try data(300).1.part(0..<300, shuffle: true)
    let (whole, half) = (try trainer(), try trainer())
    try whole.fit(stream, epochs: 4, verbose: .silent, stepsPerEpoch: 25)
    try half.fit(stream, epochs: 2, verbose: .silent, stepsPerEpoch: 25)
    try half.save(to: folder.file("saved"))
    let resumed = try Trainer.resumed(from: folder.file("saved"))
    #expect(resumed.fitSettings?.streams == true && resumed.fitSettings?.batchSize == 8)
    try resumed.fit(stream, epochs: 2, verbose: .silent, stepsPerEpoch: 25)
    #expect(resumed.state == whole.state)
  }

  /// What is wrong with a batch in the middle of a pass is said of that batch, and those before it are trained on.
  @Test func wrongLabelsNameTheBatch() throws {
    let (data, _) = try data(80)
    var labels = data.labels.elements(as: UInt8.self)
    labels[43] = 9
    try NPY.write(Tensor(labels), to: folder.file("labels.npy"))
    let stream = try ArrayStream(
      inputs: folder.file("images.npy"), targets: folder.file("labels.npy"), batchSize: 8, shuffle: false)
    let trainer = try trainer()
    #expect(
      refusal { try trainer.fit(stream, verbose: .silent) }.contains("batch 5 of epoch 0: sample 3 has the label 9"))
    #expect(trainer.stepCount == 5)
  }

  // MARK: Files

  @Test func filesThatCannotBeReadByRowsAreRefused() throws {
    let reading = Repository.file("Tests/ApusDataTests/Resources").path
    _ = try data(10)
    func message(_ inputs: String, _ targets: String = folder.file("labels.npy")) -> String {
      refusal { try ArrayStream(inputs: inputs, targets: targets) }
    }
    #expect(message("\(reading)/fortran.npy").contains("is in column-major order"))
    #expect(message("\(reading)/big-endian.npy").contains("is in big-endian order"))
    #expect(message("\(reading)/scalar.npy").contains("is not a row of samples"))
    #expect(message("\(reading)/empty.npy").contains("is not a row of samples"))
    #expect(message("\(reading)/object.npy").contains("'|O'"))
    #expect(message("\(reading)/stored.npz").contains("is not an NPY file"))
    #expect(message(folder.path).contains("is not a file whose parts can be read"))
    #expect(message(folder.file("none.npy")).contains("cannot be opened"))
    #expect(message("\(reading)/ramp-f4.npy").contains("has 10 rows for the"))
    let bytes = try folder.bytes("images.npy")
    let cut = try folder.write(Array(bytes.dropLast()), as: "cut.npy")
    #expect(message(cut).contains("is shorter than its header says"))
    let head = try folder.write(Array(bytes.prefix(50)), as: "head.npy")
    #expect(!message(head).contains("accepted"))
  }

  @Test func aFileThatShrinksIsAnError() throws {
    let (_, stream) = try data(40)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("images.npy")))
    try file.truncate(atOffset: 200)
    let trainer = try trainer()
    #expect(
      refusal { try trainer.fit(stream, verbose: .silent) }.contains("has become shorter while it was read"))
  }
}
