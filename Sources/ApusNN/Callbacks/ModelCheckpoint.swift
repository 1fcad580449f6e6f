import ApusCore
import ApusData
import Foundation

/// Saves the model after each epoch or each so many batches, or only when a quantity improves; never with weights that are
/// NaN or infinite. Defaults and texts are Keras's; what is saved is a folder, as `Trainer.save` writes it.
public final class ModelCheckpoint: Callback, Monitoring, CheckedBeforeTraining {
  private var directory = ""
  private var savesBestOnly = false
  private var threshold: Double?
  private var counter = BatchCounter(.epoch)
  private var isVerbose = false
  var monitor = Monitor("val_loss", .auto)
  private var epoch = 0

  public static let record = ComponentRecord(
    "model_checkpoint", aliases: ["checkpoint"], "saves the model after each epoch, or only if a quantity improves",
    settings: [
      setting("filepath", \.directory, "the folder, as models/{epoch:02d}-{val_loss:.2f}", required: true)
    ] + monitorSettings + [
      setting("save_best_only", \.savesBestOnly, "whether only improvements are saved"),
      setting("save_freq", \.counter.frequency, "when it saves: after each epoch, or after so many batches"),
      setting("initial_value_threshold", \.threshold, "a value that the first saved model must improve on"),
      setting("verbose", \.isVerbose, "whether it says what it does"),
    ])

  public init() {}

  /// - Parameters:
  ///   - directory: where to save; `{epoch}`, `{batch}` and the names of logs are replaced by their values, formatted if a
  ///     format is given, as in `models/{epoch:02d}-{val_loss:.2f}`. Epochs and batches count from 1 here.
  ///   - monitor: the log to watch if only improvements are saved.
  ///   - frequency: when to save. Logs after batches are means of the epoch so far.
  ///   - threshold: a value that the first saved model must improve on.
  public init(
    _ directory: String, monitor: String = "val_loss", mode: MonitorMode = .auto, savingBestOnly: Bool = false,
    every frequency: CallbackFrequency = .epoch, improvingOn threshold: Double? = nil, verbose: Bool = false
  ) {
    self.directory = directory
    self.monitor = Monitor(monitor, mode)
    self.threshold = threshold
    savesBestOnly = savingBestOnly
    counter = BatchCounter(frequency)
    isVerbose = verbose
  }

  public var title: String { "the checkpoint" }
  public var watchesBatches: Bool { counter.countsBatches }
  public var watchedLogs: [String] {
    (savesBestOnly ? [monitor.name] : []) + PathTemplate(directory).names.filter { $0 != "epoch" && $0 != "batch" }
  }

  public func trainingBegins(_ trainer: Trainer) throws {
    monitor.reset(to: threshold, for: trainer)
    counter.reset()
  }

  /// Checks the path, and what is watched after batches, before anything is trained.
  func checkBeforeTraining(_ trainer: Trainer) throws {
    let isByBatch = counter.countsBatches
    let logged = isByBatch ? trainer.logNames : trainer.expectedLogs.sorted()
    let template = PathTemplate(directory)
    try template.check(counts: isByBatch ? ["epoch", "batch"] : ["epoch"], logs: logged)
    try WritablePlace.checkFolder(template.fixedFolder, of: title)
    if savesBestOnly, !logged.contains(monitor.name) {
      throw Monitor.missing(monitor.name, among: logged, for: isByBatch ? title + " after batches" : title)
    }
  }

  public func epochBegins(_ epoch: Int, _ trainer: Trainer) throws { self.epoch = epoch }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if counter.isDue() { try save(["epoch": epoch + 1, "batch": batch + 1], logs, trainer) }
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    self.epoch = epoch
    if !counter.countsBatches { try save(["epoch": epoch + 1], logs, trainer) }
  }

  private func save(_ counts: [String: Int], _ logs: [String: Double], _ trainer: Trainer) throws {
    let template = PathTemplate(directory)
    // An epoch without validation has no name for its model, if the name tells of validation.
    if template.names.contains(where: { logs[$0] == nil && trainer.expectedLogs.contains($0) }) { return }
    let path = try template.path(counts: counts, logs: logs)
    if let name = trainer.nonFiniteWeight {
      // A good model that is there is worth more.
      return trainer.warningHandler(
        Diagnostic(.warning, "epoch \(epoch + 1) is not saved to '\(path)': the weights '\(name)' are not finite"))
    }
    var reason = ""
    if savesBestOnly {
      guard let value = try monitor.value(in: logs, of: trainer, for: title) else { return }
      let best = monitor.best
      guard monitor.take(value) else {
        return say("\(monitor.name) did not improve from \(Self.number(best))", trainer)
      }
      reason = "\(monitor.name) improved from \(Self.number(best)) to \(Self.number(value)), "
    }
    say("\(reason)saving model to \(path)", trainer)
    try trainer.save(to: path)
    say("finished saving model to \(path)", trainer)
  }

  private func say(_ text: String, _ trainer: Trainer) {
    if isVerbose { trainer.announce("Epoch \(epoch + 1): \(text)") }
  }

  private static func number(_ value: Double?) -> String { value.map { String(format: "%.5f", $0) } ?? "None" }
}
