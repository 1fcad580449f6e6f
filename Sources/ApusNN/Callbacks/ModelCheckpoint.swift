import ApusCore
import Foundation

/// Saves the model after each epoch, or only when a quantity improves; never with weights that are NaN or infinite.
public final class ModelCheckpoint: Callback, Monitoring {
  private var directory = ""
  private var savesBestOnly = false
  private var isVerbose = false
  var monitor = Monitor("val_loss", .auto)

  public static let record = ComponentRecord(
    "model_checkpoint", "saves the model after each epoch, or only if a quantity improves",
    settings: [
      setting("filepath", \.directory, "the folder, as models/{epoch:02d}-{val_loss:.2f}", required: true)
    ] + monitorSettings + [
      setting("save_best_only", \.savesBestOnly, "whether only improvements are saved"),
      setting("verbose", \.isVerbose, "whether it says what it does"),
    ])

  public init() {}

  /// - Parameters:
  ///   - directory: where to save; `{epoch}` and the names of logs stand for their values, with a format where one is
  ///     given, as in `models/{epoch:02d}-{val_loss:.2f}`. Epochs count from 1 here.
  ///   - monitor: the log to watch where only improvements are saved.
  public init(
    _ directory: String, monitor: String = "val_loss", mode: MonitorMode = .auto, savingBestOnly: Bool = false,
    verbose: Bool = false
  ) {
    self.directory = directory
    self.monitor = Monitor(monitor, mode)
    savesBestOnly = savingBestOnly
    isVerbose = verbose
  }

  public func epochEnds(_ epoch: Int, _ logs: [String: Double], _ trainer: Trainer) throws {
    let path = try ModelCheckpoint.path(directory, epoch, logs)
    if let name = trainer.nonFiniteWeight {
      // A good model that is there is worth more.
      return trainer.warningHandler(
        Diagnostic(.warning, "epoch \(epoch + 1) is not saved to '\(path)': the weights '\(name)' are not finite"))
    }
    var reason = ""
    if savesBestOnly {
      let value = try monitor.value(in: logs, for: "the checkpoint")
      let best = monitor.best
      guard monitor.take(value) else {
        if isVerbose {
          trainer.announce("Epoch \(epoch + 1): \(monitor.name) did not improve from \(Self.number(best))")
        }
        return
      }
      reason = "\(monitor.name) improved from \(Self.number(best)) to \(Self.number(value)), "
    }
    try trainer.save(to: path)
    if isVerbose { trainer.announce("Epoch \(epoch + 1): \(reason)saving model to \(path)") }
  }

  private static func number(_ value: Double?) -> String { value.map { String(format: "%.5f", $0) } ?? "none" }

  /// The template with names in braces replaced by their values.
  private static func path(_ template: String, _ epoch: Int, _ logs: [String: Double]) throws -> String {
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let parts = rest[rest.index(after: open)..<close].split(separator: ":", maxSplits: 1).map(String.init)
      rest = rest[rest.index(after: close)...]
      let name = parts.first ?? ""
      guard let value = name == "epoch" ? Double(epoch + 1) : logs[name] else {
        let known = ["epoch"] + logs.keys.sorted()
        throw ApusError.input(
          "the checkpoint's path '\(template)' names '\(name)', which is not logged",
          help: Suggestion.didYouMean(name, among: known) ?? "known: \(known.joined(separator: ", "))")
      }
      result += try formatted(name, value, parts.count == 2 ? parts[1] : name == "epoch" ? "d" : ".4f", template)
    }
    return result + rest
  }

  /// Formats as `02d` and `.2f` say; nothing else reaches the C library.
  private static func formatted(
    _ name: String, _ value: Double, _ format: String, _ template: String
  ) throws -> String {
    if format.wholeMatch(of: #/[0-9]{0,2}d/#) != nil {
      guard let number = Int(exactly: value.rounded(.towardZero)) else {
        throw ApusError.input(
          "the checkpoint's path '\(template)' writes '\(name)' as a whole number, which \(value) is not")
      }
      return String(format: "%" + format.dropLast() + "ld", number)
    }
    guard format.wholeMatch(of: #/[0-9]{0,2}(\.[0-9]{1,2})?[feg]/#) != nil else {
      throw ApusError.input(
        "the checkpoint's path '\(template)' has the format '\(format)'", help: "as {epoch:02d} or {val_loss:.2f}")
    }
    return String(format: "%" + format, value)
  }
}
