import ApusCore
import ApusData

/// Writes logs, the graph, and histograms and pictures of weights for TensorBoard: `tensorboard --logdir logs` shows them.
///
/// Folders and tags are Keras's: `train` and `validation`; `epoch_loss`, `epoch_learning_rate`, and `batch_loss` if
/// batches are written, too; `<variable>/histogram`; `<variable>/image`: filters side by side, other weights as a matrix.
public final class TensorBoard: Callback, Component, CheckedBeforeTraining {
  private var directory = "logs"
  private var histogramFrequency = 0
  private var writesGraph = true
  private var writesImages = false
  private var counter = BatchCounter(.epoch)
  private var training: EventFile?
  private var validation: EventFile?

  public static let record = ComponentRecord(
    "tensorboard", "writes logs, the graph, histograms and pictures of weights for TensorBoard",
    settings: [
      setting("log_dir", \.directory, "the folder", required: true),
      setting(
        "histogram_freq", \.histogramFrequency, in: .nonNegative, "weights are written each so many epochs; 0: never"),
      setting("write_graph", \.writesGraph, "whether the model's graph is written"),
      setting("write_images", \.writesImages, "whether weights are written as pictures, too, as often as histograms"),
      setting("update_freq", \.counter.frequency, "epoch, or how often the logs of batches are written, too"),
    ])

  public init() {}

  /// - Parameters:
  ///   - directory: the folder; each training adds files of its own.
  ///   - histogramFrequency: the weights' histograms are written each so many epochs; never if 0.
  ///   - writesGraph: whether the model's graph is written.
  ///   - writesImages: whether weights of up to 2²⁰ numbers are written as pictures, too, as often as histograms.
  ///   - frequency: whether, and how often, logs of batches are written, too.
  public init(
    _ directory: String = "logs", histogramFrequency: Int = 0, writesGraph: Bool = true, writesImages: Bool = false,
    every frequency: CallbackFrequency = .epoch
  ) {
    self.directory = directory
    (self.writesGraph, self.writesImages) = (writesGraph, writesImages)
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
    if writesGraph { try training?.write(trainer.model) }
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
      let kernels = trainer.model.convolutionKernels
      for (name, value) in trainer.weights {
        let pictures = writesImages && value.count <= 1 << 20 && value.count > 0
        try training?.write(
          step: epoch, histograms: [(name + "/histogram", value.doubles())],
          images: pictures ? [(name + "/image", Self.picture(of: value, isKernel: kernels.contains(name)))] : [])
      }
    }
  }

  /// Filters side by side; other weights as a matrix, a row of which runs along the last axis.
  private static func picture(of weights: Tensor, isKernel: Bool) throws -> Tensor {
    if isKernel, [3, 4].contains(weights.rank) {
      let (pictures, perFilter) = try Picture.filters(of: weights)
      return try Picture.sheet(pictures, columns: perFilter == 1 ? nil : perFilter, size: perFilter == 1 ? 64 : 24)
    }
    let width = weights.dimensions.last ?? 1
    let matrix = try Picture.pictures(of: weights.reshaped([1, weights.count / width, width]))
    return try matrix.reshaped(Array(matrix.dimensions.dropFirst()))
  }

  public func trainingEnds(_ trainer: Trainer) throws { (training, validation) = (nil, nil) }

  private func tagged(_ logs: [String: Double], _ prefix: String) -> [(tag: String, value: Double)] {
    logs.sorted { $0.key < $1.key }.map { (prefix + $0.key, $0.value) }
  }
}
