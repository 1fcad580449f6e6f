import Apus
import ArgumentParser
import Foundation

/// A transformer that reads a text letter by letter, and then writes on.
struct Transformer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A character-level transformer that writes.")
  @OptionGroup var options: LessonOptions

  @Option(help: "The text to learn from; without it this project's own documents.")
  var text: String?
  @Option(help: "What the network writes on from.")
  var prompt = "The "
  @Option(help: "How daring it is: 0 takes the most probable letter, 1 draws by the probabilities.")
  var temperature = 0.5

  func validate() throws {
    guard 0...10 ~= temperature else { throw ValidationError("--temperature must be 0 to 10") }
  }

  func run() throws {
    let text = try learnedText()
    let letters = Set(text).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: zip(letters, Int32(0)...))
    let ids = text.compactMap { numbers[$0] }
    let length = options.short ? 16 : 64
    print("\(ids.count) characters, \(letters.count) different ones")
    guard ids.count > length + 1 else {
      throw ApusError.input("the text has \(ids.count) characters", help: "it takes at least \(length + 2)")
    }
    guard prompt.contains(where: { numbers[$0] != nil }) else {
      throw ApusError.input(
        "no character of the prompt '\(prompt)' is in the text", help: "--prompt with words of the text")
    }

    let model = try network(vocabulary: letters.count, length: length)
    print("\(model.parameterCount) parameters")
    let trainer = try model.compile(
      optimizer: .adam(), loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])

    // A sample is a piece of the text; the target of each of its characters is the next one.
    let starts = Array(stride(from: 0, to: ids.count - length - 1, by: options.short ? 1 : length / 4))
    let inputs = try Tensor(starts.flatMap { ids[$0..<$0 + length] }, [starts.count, length])
    let targets = try Tensor(starts.flatMap { ids[$0 + 1...$0 + length] }, [starts.count, length])
    let history = try trainer.fit(inputs, targets, epochs: options.short ? 20 : 16, verbose: .silent)
    print("training loss a character: \(decimal(history["loss"]?.last ?? 0))")

    // Writing: the network says how probable each character is after those before it. One is drawn and appended.
    var written = prompt
    var generator = PhiloxGenerator(seed: 1)
    for _ in 0..<(options.short ? 40 : 400) {
      let window = written.suffix(length).compactMap { numbers[$0] }
      // What follows the last character does not matter to it: the network looks back only.
      let padded = window + [Int32](repeating: 0, count: length - window.count)
      let all = try trainer.predict(Tensor(padded, [1, length])).doubles()
      let next = all[(window.count - 1) * letters.count..<window.count * letters.count]
      written.append(letters[draw(Array(next), using: &generator)])
    }
    print("written: \(written)")
    try options.picture("course-transformer-history.svg") {
      try history.plot(to: $0, title: "a transformer of characters")
    }
  }

  /// Characters to vectors, blocks of attention and a feed-forward part, and a probability for each next character.
  private func network(vocabulary: Int, length: Int) throws -> Model {
    let width = options.short ? 32 : 128
    let ids = Input([length], dtype: .i32, name: "ids")
    // A vector for the character, plus one for its place.
    var x = TokenAndPositionEmbedding(
      vocabularySize: vocabulary, sequenceLength: length, embeddingDim: width)(ids)
    for _ in 0..<(options.short ? 1 : 3) {
      // Attention: each place asks all places before it, and takes from those whose keys answer. Four heads ask four
      // things. What they bring is added to what was there.
      let normal = LayerNormalization()(x)
      x = Add()([x, MultiHeadAttention(numHeads: 4, keyDim: width / 4)(normal, value: normal, useCausalMask: true)])
      // Then each place by itself: two dense layers.
      let wide = Dense(4 * width, activation: .gelu)(LayerNormalization()(x))
      x = Add()([x, Dense(width)(wide)])
    }
    return try Model(name: "writer", ids, Dense(vocabulary, activation: .softmax)(LayerNormalization()(x)))
  }

  /// An index: the most probable one at temperature 0, or else drawn by probabilities to the power of 1 / temperature.
  private func draw(_ probabilities: [Double], using generator: inout PhiloxGenerator) -> Int {
    let largest = probabilities.max() ?? 1
    if temperature == 0 { return probabilities.firstIndex(of: largest) ?? 0 }
    let shares = probabilities.map { pow($0 / largest, 1 / temperature) }
    var rest = Double.random(in: 0..<1, using: &generator) * shares.reduce(0, +)
    return shares.firstIndex { share in
      rest -= share
      return rest < 0
    } ?? shares.count - 1
  }

  private func learnedText() throws -> String {
    if let text {
      guard let words = try? String(contentsOfFile: text, encoding: .utf8) else {
        throw ApusError.input("'\(text)' cannot be read as text in UTF-8", help: "--text FILE")
      }
      return words
    }
    if options.short { return String(repeating: "The swift flies high. The swift sleeps in the air. ", count: 8) }
    // The documents' prose: no listings, tables, or lines that are not made of letters as this sentence is.
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "Docs")) ?? []
    // Without this course, which has what the network wrote in it.
    let names = files.filter { $0.hasSuffix(".md") && !$0.hasPrefix("Course") }.sorted()
    guard !names.isEmpty else {
      throw ApusError.input(
        "there is no text in 'Docs'", help: "run the lesson in the project's folder, or give --text FILE")
    }
    var lines: [Substring] = []
    for name in names {
      var isListing = false
      for line in try String(contentsOfFile: "Docs/\(name)", encoding: .utf8).split(separator: "\n") {
        if line.hasPrefix("```") { isListing.toggle() } else if !isListing { lines.append(line) }
      }
    }
    return lines.filter { line in
      (line.first?.isLetter ?? false) && line.count > 40 && line.allSatisfy { $0.isASCII }
    }.joined(separator: "\n")
  }
}
