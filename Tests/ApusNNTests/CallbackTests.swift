import Apus
import Foundation
import TestSupport
import Testing

/// Callbacks on logs that a test dictates: what they decide is a function of these numbers.
@Suite struct CallbackTests {
  private func trainer() throws -> Trainer {
    try smallModel().compile(
      optimizer: .sgd(learningRate: 0.5), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 1)
  }

  /// Trains an epoch for each number, as far as the callbacks let it. What they watch is `score`.
  @discardableResult
  private func fit(
    _ trainer: Trainer, _ scores: [Double], _ callbacks: [any Callback], announced: ((String) -> Void)? = nil
  ) throws -> History {
    let data = try SyntheticImages(count: 8)
    return try trainer.fit(
      data.images, data.labels, batchSize: 4, epochs: scores.count, verbose: announced == nil ? .silent : .line,
      callbacks: callbacks.map { Dictated(scores, $0, first: trainer.nextEpoch) },
      output: ProgressOutput(isTerminal: false) { announced?($0) })
  }

  /// Adds `score` to the logs that another callback sees.
  private final class Dictated: Callback {
    let scores: [Double]
    let inner: any Callback
    let first: Int
    init(_ scores: [Double], _ inner: any Callback, first: Int) {
      (self.scores, self.inner, self.first) = (scores, inner, first)
    }
    var logsLearningRate: Bool { inner.logsLearningRate }
    func trainingBegins(_ trainer: Trainer) throws { try inner.trainingBegins(trainer) }
    func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { try inner.epochBegins(epoch, trainer) }
    func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
      try inner.batchEnds(batch, logs, trainer)
    }
    func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
      try inner.epochEnds(epoch, logs.merging(["score": scores[epoch - first]]) { $1 }, trainer)
    }
    func trainingEnds(_ trainer: Trainer) throws { try inner.trainingEnds(trainer) }
  }

  // MARK: The protocol

  @Test func callsComeInOrder() throws {
    final class Recorder: Callback {
      var calls: [String] = []
      func trainingBegins(_ trainer: Trainer) throws { calls.append("begin") }
      func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { calls.append("epoch \(epoch)") }
      func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
        calls.append("batch \(batch) \(logs.keys.sorted())")
      }
      func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
        calls.append("end \(epoch) \(logs.keys.sorted())")
      }
      func trainingEnds(_ trainer: Trainer) throws { calls.append("done") }
    }
    let (data, recorder, trainer) = (try SyntheticImages(count: 8), Recorder(), try trainer())
    for _ in 0..<2 {
      try trainer.fit(
        data.images, data.labels, batchSize: 4, epochs: 1, validationSplit: 0.25, verbose: .silent,
        callbacks: [recorder])
    }
    let names = #"["accuracy", "loss"]"#
    let all = #"["accuracy", "loss", "val_accuracy", "val_loss"]"#
    #expect(
      recorder.calls
        == (0...1).flatMap {
          ["begin", "epoch \($0)", "batch 0 \(names)", "batch 1 \(names)", "end \($0) \(all)", "done"]
        })
  }

  @Test func callbacksDoNotChangeWhatIsLearnt() throws {
    let (watched, alone) = (try trainer(), try trainer())
    try fit(watched, [1, 2], [LambdaCallback { _, _, _ in }])
    try fit(alone, [1, 2], [])
    #expect(watched.state == alone.state)
  }

  @Test func stoppingEndsTheEpoch() throws {
    let trainer = try trainer()
    let history = try fit(trainer, [1, 1, 1], [LambdaCallback(onBatchEnd: { _, _, trainer in trainer.stop() })])
    #expect(history.epochs == [0] && trainer.stepCount == 1)
    // The next call of fit starts anew.
    #expect(try fit(trainer, [1, 1], []).epochs == [1, 2])
  }

  @Test func anInfiniteLossStopsTraining() throws {
    let trainer = try trainer()
    let name = try #require(trainer.weights.first).name
    let kernel = try #require(trainer.session.value(of: name))
    try trainer.session.setValue(Tensor(repeating: .nan, kernel.dtype, kernel.dimensions), of: name)
    var said: [String] = []
    let history = try fit(trainer, [1, 1], [TerminateOnNaN()]) { said.append($0) }
    #expect(history.epochs == [0] && trainer.stepCount == 1)
    #expect(said.contains("Batch 0: Invalid loss, terminating training\n"))
  }

  // MARK: Early stopping

  /// Scores, what is asked for, and the epoch after which it stops; nil if training goes through.
  static let stops: [(scores: [Double], patience: Int, mode: MonitorMode, leastChange: Double, stop: Int?)] = [
    ([5, 4, 3, 2, 1], 0, .auto, 0, nil),
    ([5, 4, 4, 2, 1], 0, .auto, 0, 2),
    ([5, 4, 4, 2, 1], 1, .auto, 0, 2),
    ([5, 4, 4, 2, 1], 2, .auto, 0, nil),
    ([5, 4, 4, 2, 2, 2], 2, .auto, 0, 5),
    ([1, 2, 3, 4], 2, .max, 0, nil),
    ([1, 2, 3, 4], 2, .min, 0, 2),
    ([5, 4.95, 4.9, 4.85], 2, .min, 0.5, 2),
    ([5, .nan, .nan, 1], 2, .min, 0, 2),
    ([.nan, .nan, 1, 0], 3, .min, 0, nil),
  ]

  @Test(arguments: stops)
  func earlyStopping(
    _ scores: [Double], _ patience: Int, _ mode: MonitorMode, _ leastChange: Double, _ stop: Int?
  ) throws {
    let stopping = EarlyStopping(monitor: "score", leastChange: leastChange, patience: patience, mode: mode)
    let history = try fit(try trainer(), scores, [stopping])
    #expect(stopping.stoppedEpoch == stop, "\(scores) with patience \(patience)")
    #expect(history.epochs.last == stop ?? scores.count - 1)
  }

  @Test func theBestWeightsComeBack() throws {
    var weights: [[String: Tensor]] = []
    let keep = LambdaCallback { _, _, trainer in
      weights.append(Dictionary(uniqueKeysWithValues: trainer.weights.map { ($0.name, $0.value) }))
    }
    let stopping = EarlyStopping(monitor: "score", patience: 2, restoringBestWeights: true, verbose: true)
    let trainer = try trainer()
    var said: [String] = []
    try fit(trainer, [5, 3, 4, 4, 1], [keep, stopping]) { said.append($0) }
    #expect(weights.count == 4)
    #expect(Dictionary(uniqueKeysWithValues: trainer.weights.map { ($0.name, $0.value) }) == weights[1])
    #expect(weights[1] != weights[3])
    #expect(said.contains("Epoch 4: early stopping\n"))
    #expect(said.contains("Restoring model weights from the end of the best epoch: 2.\n"))
  }

  /// Patience need not run out.
  @Test func theBestWeightsComeBackAtTheEnd() throws {
    var weights: [[Tensor]] = []
    let keep = LambdaCallback { _, _, trainer in weights.append(trainer.weights.map(\.value)) }
    let stopping = EarlyStopping(monitor: "score", patience: 9, restoringBestWeights: true)
    let trainer = try trainer()
    try fit(trainer, [5, 3, 4], [keep, stopping])
    #expect(stopping.stoppedEpoch == nil && weights.count == 3)
    #expect(trainer.weights.map(\.value) == weights[1])
    #expect(weights[1] != weights[2])
  }

  @Test func aBaselineMustBeImprovedOn() throws {
    let stopping = EarlyStopping(monitor: "score", patience: 2, baseline: 1)
    #expect(try fit(try trainer(), [5, 4, 3, 2], [stopping]).epochs.last == 3)
    let late = EarlyStopping(monitor: "score", patience: 1, startingFrom: 3)
    #expect(try fit(try trainer(), [5, 6, 7, 8, 9, 10], [late]).epochs.last == 4)
  }

  @Test func whatIsNotLoggedCannotBeWatched() throws {
    let trainer = try trainer()
    expectError("early stopping watches 'val_loss', which is not logged\n  help: give fit a validationSplit") {
      try fit(trainer, [1], [EarlyStopping()])
    }
    expectError("did you mean 'accuracy'?") { try fit(trainer, [1], [EarlyStopping(monitor: "acuracy")]) }
  }

  // MARK: Learning rate

  @Test func schedulesSetEachEpochsRate() throws {
    let trainer = try trainer()
    var seen: [Double] = []
    let schedule = LearningRateScheduler { epoch, rate in
      seen.append(rate)
      return epoch == 0 ? rate : rate / 2
    }
    let history = try fit(trainer, [1, 1, 1], [schedule])
    #expect(seen == [0.5, 0.5, 0.25])
    #expect(history["learning_rate"] == [0.5, 0.25, 0.125])
    #expect(history.names == ["accuracy", "learning_rate", "loss"])
    expectError("a learning rate of nan makes no steps") {
      try fit(trainer, [1], [LearningRateScheduler { _, _ in .nan }])
    }
  }

  /// A rate of 0 changes nothing, so the rate that is set is the rate that is used.
  @Test func theSetRateIsUsed() throws {
    let trainer = try trainer()
    let before = trainer.weights.map(\.value)
    try fit(trainer, [1], [LearningRateScheduler { _, _ in 0 }])
    #expect(trainer.weights.map(\.value) == before)
    try fit(trainer, [1], [LearningRateScheduler { _, _ in 0.5 }])
    #expect(trainer.weights.map(\.value) != before)
  }

  @Test func plateausReduceTheRate() throws {
    func rates(_ scores: [Double], _ callback: ReduceLROnPlateau) throws -> [Double] {
      try #require(fit(try trainer(), scores, [callback])["learning_rate"])
    }
    // Rates are logged before the epoch's end changes them.
    #expect(
      try rates([5, 4, 4, 4, 4], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1))
        == [0.5, 0.5, 0.5, 0.25, 0.125])
    #expect(
      try rates([5, 4, 4, 3, 3, 3], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 2))
        == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    #expect(
      try rates([4, 4, 4, 4, 4, 4], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1, cooldown: 2))
        == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125])
    #expect(
      try rates([4, 4, 4, 4], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1, leastRate: 0.25))
        == [0.5, 0.5, 0.25, 0.25])
    // The least rate is met, not passed.
    #expect(
      try rates([4, 4, 4, 4], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1, leastRate: 0.375))
        == [0.5, 0.5, 0.375, 0.375])
    // A change below the least one is none.
    #expect(
      try rates([4, 3.99995, 3.9999], ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1))
        == [0.5, 0.5, 0.25])
    var said: [String] = []
    try fit(try trainer(), [4, 4], [ReduceLROnPlateau(monitor: "score", factor: 0.5, patience: 1, verbose: true)]) {
      said.append($0)
    }
    #expect(said.contains("Epoch 2: ReduceLROnPlateau reducing learning rate to 0.25.\n"))
    expectUsage("'factor' of callback 'reduce_lr_on_plateau' must be at least 0 and below 1, not 1.0") {
      try trainer().fit(
        SyntheticImages(count: 8).images, SyntheticImages(count: 8).labels, verbose: .silent,
        callbacks: [ReduceLROnPlateau(factor: 1)])
    }
  }

  // MARK: Files

  @Test func checkpointsAreModels() throws {
    let folder = try TemporaryFolder()
    let trainer = try trainer()
    try fit(trainer, [3, 1, 2], [ModelCheckpoint(folder.file("{epoch:02d}-{score:.1f}"))])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["01-3.0", "02-1.0", "03-2.0"])
    let last = try Trainer.resumed(from: folder.file("03-2.0"))
    #expect(last.state == trainer.state && last.history == trainer.history)
    #expect(try Trainer.resumed(from: folder.file("01-3.0")).nextEpoch == 1)
  }

  @Test func theBestCheckpointStays() throws {
    let folder = try TemporaryFolder()
    var said: [String] = []
    try fit(
      try trainer(), [3, 1, 2],
      [ModelCheckpoint(folder.file("best"), monitor: "score", savingBestOnly: true, verbose: true)]
    ) { said.append($0) }
    #expect(try Trainer.resumed(from: folder.file("best")).nextEpoch == 2)
    let path = folder.file("best")
    #expect(
      said.filter { $0.contains("score ") } == [
        "Epoch 1: score improved from None to 3.00000, saving model to \(path)\n",
        "Epoch 2: score improved from 3.00000 to 1.00000, saving model to \(path)\n",
        "Epoch 3: score did not improve from 1.00000\n",
      ])
  }

  @Test func badTemplatesAreRefused() throws {
    let folder = try TemporaryFolder()
    expectError("names 'scor', which is not logged\n  help: did you mean 'score'?") {
      try fit(try trainer(), [1], [ModelCheckpoint(folder.file("{scor}"))])
    }
    for format in ["s", "n", "*d", "1000d", "ld", "..5f", "1.2.f", ".2d"] {
      expectError("has the format '\(format)'") {
        try fit(try trainer(), [1], [ModelCheckpoint(folder.file("{epoch:\(format)}"))])
      }
    }
    for score in [Double.nan, .infinity, 1e300] {
      expectError("'score' as a whole number, which \(score) is not") {
        try fit(try trainer(), [score], [ModelCheckpoint(folder.file("{score:d}"))])
      }
    }
  }

  @Test func csvHasALineAnEpoch() throws {
    let folder = try TemporaryFolder()
    let trainer = try trainer()
    let history = try fit(trainer, [0.5, 2], [CSVLogger(folder.file("log.csv"))])
    let (accuracy, loss) = (try #require(history["accuracy"]), try #require(history["loss"]))
    let expected = """
      epoch,accuracy,loss,score
      0,\(accuracy[0]),\(loss[0]),0.5
      1,\(accuracy[1]),\(loss[1]),2.0

      """
    #expect(try folder.text("log.csv") == expected)

    // Appending goes on with the columns that are there, in their order.
    let data = try SyntheticImages(count: 8)
    func append(_ name: String) throws -> History {
      try trainer.fit(
        data.images, data.labels, epochs: 1, verbose: .silent,
        callbacks: [CSVLogger(folder.file(name), appending: true)])
    }
    _ = try folder.write("epoch,loss,accuracy\n0,1,0.5", as: "more.csv")
    let more = try append("more.csv")
    #expect(
      try folder.text("more.csv") == "epoch,loss,accuracy\n0,1,0.5\n"
        + "2,\(try #require(more["loss"])[0]),\(try #require(more["accuracy"])[0])\n")

    // Other columns would lose values, or have none.
    let before = trainer.stepCount
    for (text, message) in [
      ("epoch,accuracy\n", "has no column for loss, which this training logs"),
      ("epoch,accuracy,loss,score\n", "has columns for score, which this training does not log"),
      ("epoch,loss,val_loss\n", "has no column for accuracy, which this training logs; it has columns for val_loss"),
      ("epoch;accuracy;loss\n", "begins with 'epoch;accuracy;loss', and not with the names of logs"),
      ("name,loss,accuracy\n", "begins with 'name,loss,accuracy'"),
    ] {
      let path = try folder.write(text, as: "other.csv")
      expectError("\(path): \(message)") { try append("other.csv") }
      #expect(try folder.text("other.csv") == text)
    }
    #expect(trainer.stepCount == before, "nothing is trained")
    _ = try folder.write("", as: "empty.csv")
    _ = try append("empty.csv")
    #expect(try folder.text("empty.csv").hasPrefix("epoch,accuracy,loss\n3,"))

    try fit(trainer, [1], [CSVLogger(folder.file("log.csv"), separator: ";")])
    #expect(try folder.text("log.csv").hasPrefix("epoch;accuracy;loss;score\n4;"))
  }
}
