import Apus
import Foundation
import Synchronization
import TestSupport
import Testing

/// Data that come in batches, made on a thread of their own.
@Suite struct StreamTests {
  private func trainer() throws -> Trainer {
    try smallModel().compile(
      optimizer: .sgd(learningRate: 0.5), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 1)
  }

  /// The rows of some images, and which of them were asked for.
  private final class Rows: StreamedDataset {
    let images: Tensor
    let labels: Tensor
    let batchCount: Int
    let fault: Int?
    let asked = Mutex<[String]>([])

    init(_ data: SyntheticImages, batches: Int, fault: Int? = nil) {
      (images, labels, batchCount, self.fault) = (data.images, data.labels, batches, fault)
    }

    struct Broken: Error, CustomStringConvertible { let description = "the disk is on fire" }

    func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch {
      asked.withLock { $0.append("\(epoch).\(index)") }
      if index == fault { throw Broken() }
      let rows = 4 * index..<min(4 * index + 4, labels.count)
      return Batch(try images[rows], try labels[rows])
    }
  }

  @Test func streamsTrainAsArraysDo() throws {
    let data = try SyntheticImages(count: 10)
    let (streamed, whole) = (try trainer(), try trainer())
    let stream = Rows(data, batches: 3)
    let history = try streamed.fit(stream, epochs: 2, validation: stream, verbose: .silent)
    let expected = try whole.fit(
      data.images, data.labels, batchSize: 4, epochs: 2, validationData: (data.images, data.labels), shuffle: false,
      verbose: .silent)
    #expect(streamed.state == whole.state)
    #expect(history.names == expected.names && history["val_loss"] == expected["val_loss"])
    #expect(try streamed.evaluate(stream) == whole.evaluate(data.images, data.labels, batchSize: 4))
    #expect(stream.asked.withLock { $0.prefix(3) } == ["0.0", "0.1", "0.2"])
  }

  /// No more is made ahead than is asked for, and nothing after `fit` has returned.
  @Test func littleIsMadeAhead() throws {
    let stream = Rows(try SyntheticImages(count: 40), batches: 10)
    let stopping = LambdaCallback(onBatchEnd: { batch, _, trainer in if batch == 1 { trainer.stop() } })
    try trainer().fit(stream, verbose: .silent, callbacks: [stopping])
    let count = stream.asked.withLock { $0.count }
    // Two trained on, two that wait, one in the making.
    #expect(count >= 2 && count <= 5, "\(count)")
  }

  @Test func errorsNameTheBatch() throws {
    let data = try SyntheticImages(count: 10)
    let trainer = try trainer()
    expectError("batch 1 of epoch 0: the disk is on fire") {
      try trainer.fit(Rows(data, batches: 3, fault: 1), verbose: .silent)
    }
    #expect(trainer.stepCount == 1)
    struct Wrong: StreamedDataset {
      let batchCount = 2
      func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch {
        Batch(try Tensor(zeros: .u8, [2, 4, index == 0 ? 4 : 5]), Tensor([0, 1] as [UInt8]))
      }
    }
    expectError("batch 1 of epoch 0: the model's input is [4, 4] a sample, but the data has [4, 5]") {
      try trainer.fit(Wrong(), verbose: .silent)
    }
    struct Empty: StreamedDataset {
      let batchCount = 0
      func batch(_ index: Int, ofEpoch epoch: Int) throws -> Batch { Batch(inputs: [:]) }
    }
    expectError("there are no batches") { try trainer.fit(Empty(), verbose: .silent) }
  }
}
