import ApusCore
import ApusData
import ApusGraph
import Foundation

/// Keeps a copy of the training, from which the next run goes on if this one is interrupted: `fit`, called again with the
/// same data and settings, restores it and trains the epochs that are left. The bits are those of an uninterrupted
/// training. A copy that was made within an epoch repeats that epoch, from the weights of the copy.
public final class BackupAndRestore: Callback, Component, CheckedBeforeTraining {
  private var directory = ""
  private var counter = BatchCounter(.epoch)
  private var deletesAtEnd = true

  public static let record = ComponentRecord(
    "backup_and_restore", aliases: ["backup"], "goes on with a training that was interrupted",
    settings: [
      setting("backup_dir", \.directory, "the folder for the copy", required: true),
      setting("save_freq", \.counter.frequency, "when it saves: after each epoch, or after so many batches"),
      setting("delete_checkpoint", \.deletesAtEnd, "whether the copy is removed when training is over"),
    ])

  public init() {}

  /// - Parameters:
  ///   - directory: a folder for the copy alone.
  ///   - frequency: when to save.
  ///   - deletingAtEnd: whether the copy is removed when training is over.
  public init(_ directory: String, every frequency: CallbackFrequency = .epoch, deletingAtEnd: Bool = true) {
    self.directory = directory
    counter = BatchCounter(frequency)
    deletesAtEnd = deletingAtEnd
  }

  public var watchesBatches: Bool { counter.countsBatches }

  /// A folder of its own, so that no saved model is taken for a copy.
  private var copy: String { FileGroup.join(directory, "interrupted") }

  func checkBeforeTraining(_ trainer: Trainer) throws { try WritablePlace.checkFolder(copy, of: title) }

  public func trainingBegins(_ trainer: Trainer) throws {
    counter.reset()
    guard SavedModel.isThere(copy) else { return }
    do {
      // Before anything of the trainer is replaced.
      guard try SavedModel(contentsOf: copy, weightsAlone: true).requiredState().fitting == trainer.fitSettings else {
        throw ApusError.input(
          "it had another batch size, validation split, order, number of steps or weights of classes",
          help: "call fit with the same settings, or remove '\(copy)' to begin anew")
      }
      try trainer.resume(from: copy)
    } catch let error as ApusError {
      throw ApusError(error.fault, error.diagnostics.map { $0.within("the interrupted training cannot go on") })
    }
  }

  public func batchEnds(_ batch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if counter.isDue() { try save(trainer) }
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    if !counter.countsBatches { try save(trainer) }
  }

  public func trainingEnds(_ trainer: Trainer) throws {
    guard deletesAtEnd, SavedModel.isThere(copy) else { return }
    do { try FileManager.default.removeItem(atPath: copy) } catch {
      throw ApusError.input(
        "the copy '\(copy)' of a training that is over cannot be removed", help: "remove it, or the next fit resumes it"
      )
    }
    // A folder that holds something else stays.
    rmdir(directory)
  }

  private func save(_ trainer: Trainer) throws {
    // Weights that are not finite cannot be resumed: the last copy stays.
    if trainer.nonFiniteWeight == nil { try trainer.save(to: copy) }
  }
}
