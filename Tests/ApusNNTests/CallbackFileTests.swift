import Apus
import Foundation
import TestSupport
import Testing

/// Callbacks that write files, and what `fit` refuses before the first epoch.
@Suite struct CallbackFileTests {
  private func trainer() throws -> Trainer {
    try smallModel(dropout: 0.25).compile(
      optimizer: .adam(learningRate: 0.01), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy], seed: 1)
  }

  private func fit(_ trainer: Trainer, epochs: Int, _ callbacks: [any Callback]) throws {
    let data = try SyntheticImages(count: 22)
    try trainer.fit(
      data.images, data.labels, batchSize: 8, epochs: epochs, validationSplit: 0.2, verbose: .silent,
      callbacks: callbacks)
  }

  // MARK: Names

  @Test func misspeltNamesAreRefusedFirst() throws {
    let (trainer, folder) = (try trainer(), try TemporaryFolder())
    for callback in [EarlyStopping(monitor: "val_los"), ReduceLROnPlateau(monitor: "val_los")] as [any Callback] {
      expectError("watches 'val_los', which is not logged\n  help: did you mean 'val_loss'?") {
        try fit(trainer, epochs: 1, [callback])
      }
    }
    expectError("the checkpoint watches 'val_acc'") {
      try fit(trainer, epochs: 1, [ModelCheckpoint(folder.file("{epoch}-{val_acc:.2f}"))])
    }
    expectError("early stopping watches 'val_loss', which is not logged\n  help: give fit a validationSplit") {
      let data = try SyntheticImages(count: 8)
      try trainer.fit(data.images, data.labels, verbose: .silent, callbacks: [EarlyStopping()])
    }
    #expect(trainer.stepCount == 0)
  }

  /// Places that cannot be written to are found before the first step, and nothing is created.
  @Test func placesAreLookedAtFirst() throws {
    let (trainer, folder) = (try trainer(), try TemporaryFolder())
    let file = try folder.write("notes", as: "file")
    let inFile = "cannot write '\(file)/x': '\(file)' is a file, and not a folder"
    for (callback, message) in [
      (
        CSVLogger(folder.file("none/log.csv")), "there is no folder '\(folder.file("none"))'\n  help: make it: mkdir -p"
      ),
      (CSVLogger(folder.path), "csv_logger cannot write '\(folder.path)': it is a folder"),
      (CSVLogger(file + "/x"), inFile), (ModelCheckpoint(file), "it is a file, and not a folder"),
      (ModelCheckpoint(file + "/x"), inFile), (ModelCheckpoint(file + "/{epoch}/x"), "the checkpoint cannot write"),
      (BackupAndRestore(file), "'\(file)' is a file"),
      (TensorBoard(file), "tensorboard cannot write '\(file)/train': '\(file)' is a file, and not a folder"),
    ] as [(any Callback, String)] {
      expectError(message) { try fit(trainer, epochs: 1, [callback]) }
    }
    #expect(trainer.stepCount == 0)
    #expect(try folder.names == ["file"] && folder.text("file") == "notes")
    try fit(trainer, epochs: 1, [ModelCheckpoint(folder.file("a/b/best-{epoch}")), CSVLogger(file)])
    #expect(try folder.names == ["a", "file"] && folder.text("file").hasPrefix("epoch,"))
    try fit(trainer, epochs: 1, [CSVLogger("/dev/null")])
  }

  @Test func namesAreKerasNames() throws {
    let callbacks = try CallbackRegistry.list(
      "early_stopping(patience=2),csv(log.csv),tensorboard(logs, histogram_freq=1, update_freq=batch),"
        + "checkpoint(best, save_best_only=true, save_freq=10),reduce_lr_on_plateau,terminate_on_nan,backup(copy)")
    #expect(callbacks.count == 7)
    #expect(callbacks.map(\.watchesBatches) == [false, false, true, true, false, true, false])
    expectUsage("'save_freq' of callback 'model_checkpoint' must be epoch, batch, or a number of batches, not '0'") {
      try CallbackRegistry.list("checkpoint(best, save_freq=0)")
    }
  }

  // MARK: Backup

  /// Training that is interrupted goes on to the same bits.
  @Test func anInterruptedTrainingGoesOn() throws {
    struct PowerCut: Error {}
    let folder = try TemporaryFolder()
    let whole = try trainer()
    try fit(whole, epochs: 4, [])
    let cut = LambdaCallback(onEpochEnd: { epoch, _, _ in if epoch == 1 { throw PowerCut() } })
    #expect(throws: PowerCut.self) {
      try fit(trainer(), epochs: 4, [BackupAndRestore(folder.file("copy")), cut])
    }
    let second = try trainer()
    try fit(second, epochs: 4, [BackupAndRestore(folder.file("copy"))])
    #expect(second.state == whole.state && second.history == whole.history)
    #expect(try folder.names == [], "the copy is removed when training is over")
    let kept = BackupAndRestore(folder.file("copy"), deletingAtEnd: false)
    try fit(trainer(), epochs: 1, [kept])
    #expect(try folder.names == ["copy"])
  }

  // MARK: Checkpoints

  @Test func checkpointsAfterBatches() throws {
    let folder = try TemporaryFolder()
    // Three batches an epoch: after the second of epoch 1, the first and the third of epoch 2.
    try fit(trainer(), epochs: 2, [ModelCheckpoint(folder.file("{epoch}-{batch}"), every: .batches(2))])
    #expect(try folder.names == ["1-2", "2-1", "2-3"])
    #expect(try Trainer.resumed(from: folder.file("2-3")).stepCount == 6)
    let none = ModelCheckpoint(
      folder.file("none"), monitor: "loss", savingBestOnly: true, improvingOn: 0, verbose: true)
    try fit(trainer(), epochs: 1, [none])
    #expect(try folder.names == ["1-2", "2-1", "2-3"])
  }

  // MARK: TensorBoard

  /// The bytes of a file that TensorBoard's own reader was given: Resources/read_events.py, whose output is
  /// Resources/events.json.
  @Test func eventsAreReadByTensorBoard() throws {
    let folder = try TemporaryFolder()
    let file = try EventFile(in: folder.path, time: 1_700_000_000)
    try file.write(step: 0, time: 1_700_000_000.5, scalars: [("epoch_loss", 0.5), ("epoch_accuracy", 0.25)])
    try file.write(step: 300, time: 1_700_000_001, scalars: [("epoch_loss", -1.5e-3)])
    try file.write(
      step: 1, time: 1_700_000_002,
      histograms: [("kernel/histogram", [-1, 0, 0.5, 2, .nan]), ("bias/histogram", [3, 3])])
    try file.write(
      step: 2, time: 1_700_000_003,
      images: [("kernel/image", Tensor([0, 64, 128, 192, 255, 7] as [UInt8], [2, 3, 1]))])
    let graph = try Graph.parse(
      """
      graph @g(%x: f32[batch, 4]) {
        %w: f32[4, 2] = variable(zeros) from "dense"
        %1 = matmul(%x, %w) from "dense"
        %2 = matmul(%x, %w) from "dense"
        %3 = add(%1, %2)
        %4: f32[batch, 1], %5: i64[batch, 1] = top_k(%3, k: 1)
        %6 = add(%5, %5)
        return %4, %6
      }
      """)[0]
    try file.write(graph, time: 1_700_000_004)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
    let stored = Repository.file("Tests/ApusNNTests/Resources/events.tfevents")
    if ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil { try bytes.write(to: stored) }
    #expect(try bytes == Data(contentsOf: stored))
    #expect(file.path.contains("/events.out.tfevents.1700000000."))
  }

  /// Folders and tags as Keras has them.
  @Test func trainingIsLogged() throws {
    let folder = try TemporaryFolder()
    try fit(
      trainer(), epochs: 2,
      [TensorBoard(folder.path, histogramFrequency: 1, writesImages: true, every: .batches(2))])
    #expect(try folder.names == ["train", "validation"])
    func text(_ part: String) throws -> String {
      let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder.file(part)).first)
      return String(decoding: try folder.bytes("\(part)/\(name)"), as: Unicode.ASCII.self)
    }
    let (training, validation) = (try text("train"), try text("validation"))
    for tag in [
      "epoch_loss", "epoch_accuracy", "epoch_learning_rate", "batch_loss", "dense/kernel/histogram",
      "dense/kernel/image", "dense/matmul",
    ] {
      #expect(training.contains(tag), "\(tag)")
    }
    #expect(validation.contains("epoch_loss") && !validation.contains("val_") && !training.contains("val_"))
    #expect(training.split(separator: "batch_loss").count - 1 == 3, "after batches 2, 4 and 6")
  }
}
