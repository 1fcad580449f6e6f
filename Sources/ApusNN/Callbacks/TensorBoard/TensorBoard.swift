import ApusCore
import ApusData

/// Writes logs and histograms of weights for TensorBoard: `tensorboard --logdir logs` shows them.
///
/// Folders and tags are Keras's: `train` and `validation`; `epoch_loss`, `epoch_learning_rate`, and `batch_loss` if
/// batches are written, too; `<variable>/histogram`.
public final class TensorBoard: Callback, Component, CheckedBeforeTraining {
  private var directory = "logs"
  private var histogramFrequency = 0
  private var counter = BatchCounter(.epoch)
  private var training: EventFile?
  private var validation: EventFile?

  public static let record = ComponentRecord(
    "tensorboard", "writes logs and histograms of weights for TensorBoard",
    settings: [
      setting("log_dir", \.directory, "the folder", required: true),
      setting(
        "histogram_freq", \.histogramFrequency, in: .nonNegative, "weights are written each so many epochs; 0: never"),
      setting("update_freq", \.counter.frequency, "epoch, or how often the logs of batches are written, too"),
    ])

  public init() {}

  /// - Parameters:
  ///   - directory: the folder; each training adds files of its own.
  ///   - histogramFrequency: the weights' histograms are written each so many epochs; never if 0.
  ///   - frequency: whether, and how often, logs of batches are written, too.
  public init(_ directory: String = "logs", histogramFrequency: Int = 0, every frequency: CallbackFrequency = .epoch) {
    self.directory = directory
    self.histogramFrequency = histogramFrequency
    counter = BatchCounter(frequency)
  }

  public var watchesBatches: Bool { counter.countsBatches }

  func checkBeforeTraining(_ trainer: Trainer) throws {
    for part in ["train", "validation"] { try WritablePlace.checkFolder(FileGroup.join(directory, part), of: title) }
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    counter.reset()
    training = try EventFile(in: FileGroup.join(directory, "train"))
    validation = nil
  }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    guard counter.isDue() else { return }
    try training?.write(step: trainer.stepCount, scalars: tagged(logs, "batch_"))
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    let validated = logs.filter { $0.key.hasPrefix("val_") }
    var trained = logs.filter { !$0.key.hasPrefix("val_") }
    trained["learning_rate"] = trainer.learningRate
    try training?.write(step: epoch, scalars: tagged(trained, "epoch_"))
    if !validated.isEmpty {
      if validation == nil { validation = try EventFile(in: FileGroup.join(directory, "validation")) }
      let logs = Dictionary(uniqueKeysWithValues: validated.map { (String($0.key.dropFirst(4)), $0.value) })
      try validation?.write(step: epoch, scalars: tagged(logs, "epoch_"))
    }
    if histogramFrequency > 0, epoch.isMultiple(of: histogramFrequency) {
      for (name, value) in trainer.weights {
        try training?.write(step: epoch, histograms: [(name + "/histogram", value.doubles())])
      }
    }
  }

  public func trainingEnds(_ trainer: Trainer) throws { (training, validation) = (nil, nil) }

  private func tagged(_ logs: [String: Double], _ prefix: String) -> [(tag: String, value: Double)] {
    logs.sorted { $0.key < $1.key }.map { (prefix + $0.key, $0.value) }
  }
}
