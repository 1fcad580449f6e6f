import ApusCore

/// How often a callback acts.
public enum CallbackFrequency: SettingValue, Hashable {
  case epoch
  /// After each of so many batches, counted over epochs.
  case batches(Int)

  public static var settingKind: String { "epoch, batch, or a number of batches" }

  public init?(settingText: String) {
    switch settingText {
    case "epoch": self = .epoch
    case "batch": self = .batches(1)
    default:
      guard let count = Int(settingText), count > 0 else { return nil }
      self = .batches(count)
    }
  }

  public func checkSetting() throws {
    guard case .batches(let count) = self, count < 1 else { return }
    throw ApusError.usage("a callback cannot act after each \(count) batches", help: "at least 1")
  }

  public var settingText: String? {
    switch self {
    case .epoch: "epoch"
    case .batches(let count): "\(count)"
    }
  }
}

/// Counts batches up to a frequency.
struct BatchCounter {
  var frequency: CallbackFrequency
  private(set) var count = 0

  init(_ frequency: CallbackFrequency) { self.frequency = frequency }

  var countsBatches: Bool { frequency != .epoch }

  /// Counts a batch; whether it is one to act after.
  mutating func isDue() -> Bool {
    guard case .batches(let number) = frequency else { return false }
    count += 1
    return count.isMultiple(of: number)
  }

  mutating func reset() { count = 0 }
}
