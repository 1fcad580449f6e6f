import Apus
import ArgumentParser

/// How texts become numbers.
struct TextOptions: ParsableArguments {
  @Option(
    name: .customLong("text"),
    help: ArgumentHelp("The column of a table that holds texts, which are the inputs.", valueName: "name"))
  var column: String?

  @Option(
    name: [.customLong("max-tokens"), .customLong("vocabulary")],
    help: """
      Of texts, how many words are told apart, unknown ones and padding included. Left out: as many as the model's \
      embedding has; of imdb, 10000.
      """)
  var maxTokens: Int?

  @Option(
    name: [.customLong("sequence-length"), .customLong("length")],
    help: """
      Of texts, how many words a sample has: the first ones; of imdb, the last ones. Left out: as many as the model's \
      input has; of imdb, 256.
      """)
  var sequenceLength: Int?

  @Option(help: "What is done to texts first. Left out: lower_and_strip_punctuation.")
  var standardize: TextVectorization.Standardize?

  @Option(help: "What a word of a text is. Left out: what is between whitespace.")
  var split: TextVectorization.Split?

  @Option(help: "Of texts, join words: 2 for words and pairs, 3 for triples, too.")
  var ngrams: Int?

  @Option(
    help: """
      What a text becomes: int (the number of each word), or a row with, for each word, multi_hot (whether it is there), \
      count (how often), tf_idf (how often, times how rare). Left out: int.
      """)
  var outputMode: TextMode?

  /// The modes that texts have.
  enum TextMode: String, CaseIterable, ExpressibleByArgument {
    case int
    case multiHot = "multi_hot"
    case count
    case tfIDF = "tf_idf"

    var mode: LookupMode {
      switch self {
      case .int: .int
      case .multiHot: .multiHot
      case .count: .count
      case .tfIDF: .tfIDF
      }
    }
  }

  func validate() throws {
    guard maxTokens ?? 4 > 3 else { throw ValidationError("--max-tokens must be at least 4.") }
    guard 1...(1 << 20) ~= sequenceLength ?? 1 else { throw ValidationError("--sequence-length must be 1 … 1048576.") }
    guard 1...64 ~= ngrams ?? 1 else { throw ValidationError("--ngrams must be 1 … 64.") }
    guard sequenceLength == nil || outputMode ?? .int == .int else {
      throw ValidationError("--sequence-length belongs to --output-mode int.")
    }
  }

  func choose(_ choices: inout DataChoices) {
    choices.textColumn = column
    choices.texts = TextVectorization(
      maxTokens: maxTokens, standardize: standardize ?? .lowerAndStripPunctuation, split: split ?? .whitespace,
      ngrams: ngrams, outputMode: outputMode?.mode ?? .int, outputSequenceLength: sequenceLength)
    choices.sequences = SequenceEncoding(vocabulary: maxTokens ?? 10_000, length: sequenceLength ?? 256)
  }

  /// The options that are given.
  var given: [String] {
    [
      ("--text", column != nil), ("--max-tokens", maxTokens != nil), ("--sequence-length", sequenceLength != nil),
      ("--standardize", standardize != nil), ("--split", split != nil), ("--ngrams", ngrams != nil),
      ("--output-mode", outputMode != nil),
    ].filter(\.1).map(\.0)
  }

  /// What is not said follows from the model: the length of its input, and the number of ids of its embedding, or of
  /// columns of its input.
  static func fit(_ choices: inout DataChoices, to graph: Graph) {
    guard let width = graph.inputWidth, 2...(1 << 20) ~= width else { return }
    if choices.texts.outputMode == .int {
      choices.texts.outputSequenceLength = choices.texts.outputSequenceLength ?? width
      // Padding and unknown words are two of them.
      if choices.texts.maxTokens == nil, let count = graph.idCount, count > 2 { choices.texts.maxTokens = count }
    } else if choices.texts.maxTokens == nil {
      choices.texts.maxTokens = width
      choices.texts.padToMaxTokens = true
    }
  }
}

extension TextVectorization.Standardize: ExpressibleByArgument {}
extension TextVectorization.Split: ExpressibleByArgument {}
