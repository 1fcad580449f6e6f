import Apus
import ApusData
import ArgumentParser

/// How training goes through the samples, beside batches and epochs.
struct FitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What the losses of classes are multiplied by, as "0=1,shirt=2" by numbers or names; 1 for a class that is not \
      named. Or balanced: classes count the same, however many samples they have.
      """, valueName: "weights"))
  var classWeight: String?

  @Option(
    help: """
      How many batches an epoch has; the next epoch begins where it ended. Left out: as before with --resume, else one \
      pass through the samples.
      """)
  var stepsPerEpoch: Int?

  @Option(help: "The number of the first epoch, from 0: with --epochs 10, 7 trains three.")
  var initialEpoch: Int?

  @Option(
    help: ArgumentHelp(
      "Other samples to validate on, read as those of --data, in place of --validation-split.", valueName: "path"))
  var validationData: String?

  @Option(
    help: ArgumentHelp(
      "As --sample-weight, for the samples of --validation-data. Left out: 1.", valueName: "name|path"))
  var validationSampleWeight: String?

  @Option(help: "How many batches of the samples to validate on are looked at. Left out: all.")
  var validationSteps: Int?

  @Option(help: "2 validates after each second epoch. Left out: 1.")
  var validationFrequency: Int?

  @Option(help: "Samples a step of validation. Left out: as --batch.")
  var validationBatch: Int?

  func validate() throws {
    for (name, value) in [
      ("--steps-per-epoch", stepsPerEpoch), ("--validation-steps", validationSteps),
      ("--validation-frequency", validationFrequency), ("--validation-batch", validationBatch),
    ] where value ?? 1 < 1 {
      throw ValidationError("\(name) must be at least 1.")
    }
    guard stepsPerEpoch ?? 1 <= Limits.magnitude else {
      throw ValidationError(
        "--steps-per-epoch \(stepsPerEpoch ?? 0) is more than the \(Limits.magnitude) that are possible.")
    }
    guard initialEpoch ?? 0 >= 0 else { throw ValidationError("--initial-epoch cannot be negative.") }
    if let classWeight, classWeight != Self.balanced { _ = try Self.pairs(classWeight) }
  }

  /// - Parameter split: the part of the training samples to validate on.
  /// - Throws: `ApusError` for options of a validation that there is not, or that there is twice.
  func check(validationSplit split: Double) throws {
    guard validationData == nil || split == 0 else {
      throw ApusError.usage(
        "--validation-data names samples to validate on, and a part of \(split) of the training samples is for that, too",
        help: "choose --validation-split or --validation-data")
    }
    guard validationSampleWeight == nil || validationData != nil else {
      throw ApusError.usage(
        "--validation-sample-weight is for the samples of --validation-data",
        help: split == 0
          ? "give --validation-data PATH" : "those of --validation-split have the weights of --sample-weight")
    }
    guard validationData == nil, split == 0 else { return }
    let options: [(name: String, isGiven: Bool)] = [
      ("--validation-steps", validationSteps != nil), ("--validation-frequency", validationFrequency != nil),
      ("--validation-batch", validationBatch != nil),
    ]
    guard let option = options.first(where: \.isGiven) else { return }
    throw ApusError.usage(
      "\(option.name) has no meaning without samples to validate on",
      help: "give --validation-split or --validation-data")
  }

  /// - Throws: `ApusError` for options that need all samples at once, if they are read while they are trained on.
  func check(isStreaming: Bool) throws {
    guard isStreaming else { return }
    for (option, isGiven) in [
      ("--class-weight", classWeight != nil), ("--validation-data", validationData != nil),
    ] where isGiven {
      throw ApusError.usage(
        "\(option) needs samples in memory, and --stream reads them while they are trained on",
        help: option == "--class-weight" ? "--sample-weight FILE.npy weighs each sample" : "--validation-split")
    }
  }

  // MARK: Weights of classes

  private static let balanced = "balanced"

  /// Names with their weights.
  private static func pairs(_ text: String) throws -> [(name: String, weight: Double)] {
    let fields = (try? CSV.fields(of: text)) ?? [text]
    return try (fields.isEmpty ? [text] : fields).map { field in
      guard let sign = field.lastIndex(of: "="), sign > field.startIndex,
        let weight = Double(field[field.index(after: sign)...]), weight.isFinite, weight >= 0
      else {
        throw ValidationError(
          "--class-weight '\(field)' is not class=weight with a weight from 0, as \"0=1,shirt=2\"; or give balanced.")
      }
      return (String(field[..<sign]), weight)
    }
  }

  /// The weights for samples; none if none are chosen.
  /// - Parameter trained: how many of the samples, from the first, are trained on.
  /// - Throws: `ApusError` for a class that the data do not have, and for one that is named twice.
  func classWeights(for data: LoadedData, trained: Int) throws -> [Int: Double] {
    guard let classWeight else { return [:] }
    if classWeight == Self.balanced { return try data.train.balancedClassWeights(count: trained) }
    // Without names the classes are those that occur.
    let known = data.classNames.isEmpty ? try Set(data.train.classNumbers()) : []
    var result: [Int: Double] = [:]
    for (name, weight) in try Self.pairs(classWeight) {
      guard let label = data.classNames.firstIndex(of: name) ?? Int(name), label >= 0,
        data.classNames.isEmpty ? known.contains(label) : label < data.classNames.count
      else {
        let help =
          data.classNames.isEmpty
          ? "its classes are " + known.sorted().prefix(20).map(String.init).joined(separator: ", ")
          : "its classes are " + data.classList
        throw ApusError.usage(
          "--class-weight names '\(name)', which is not a class of '\(data.name)'",
          help: Int(name) == nil ? Suggestion.didYouMean(name, among: data.classNames) ?? help : help)
      }
      guard result.updateValue(weight, forKey: label) == nil else {
        throw ApusError.usage("--class-weight names class \(label) twice", help: "a class has a number or a name")
      }
    }
    return result
  }
}

extension LoadedData {
  /// The names of the classes, the first ones of many.
  fileprivate var classList: String {
    classNames.prefix(20).joined(separator: ", ") + (classNames.count > 20 ? ", …" : "")
  }
}
