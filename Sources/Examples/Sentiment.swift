import Apus
import ArgumentParser

/// Whether a short text is a good or a bad word on a film: words in a bag, and words in order.
struct Sentiment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The sentiment of short texts: why the order of words matters.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let (train, test) = (reviews(options.short ? 600 : 4000, seed: 1), reviews(400, seed: 2))
    for review in train.prefix(3) { print("\(review.isGood ? "good" : "bad"): \(review.text)") }

    // Words become numbers, the most frequent one first: 0 fills short texts up, 1 is any word that was not learned.
    let length = 12
    var words = TextVectorization(outputSequenceLength: length)
    try words.adapt(train.map(\.text))
    func encoded(_ reviews: [Review]) throws -> (inputs: Tensor, targets: Tensor) {
      (try words(reviews.map(\.text)), try Tensor(reviews.map { Float($0.isGood ? 1 : 0) }, [reviews.count, 1]))
    }
    let (known, new) = (try encoded(train), try encoded(test))

    var curves: [LinePlot.Curve] = []
    // The first reader takes the mean of the words' vectors, whatever their order. The others read word by word.
    let readers: [(name: String, layer: any Layer)] = [
      ("bag of words", GlobalAveragePooling1D()), ("rnn", SimpleRNN(16)), ("lstm", LSTM(16)), ("gru", GRU(16)),
    ]
    for (name, reader) in readers {
      let model = try Sequential(name: "reader", input: [length], dtype: .i32) {
        // A vector a word, which is learned. Places without a word are masked: readers pass over them.
        Embedding(words.vocabularySize, 16, maskZero: true)
        reader
        Dense(1, activation: .sigmoid)
      }
      let trainer = try model.compile(
        optimizer: .adam(learningRate: 0.01), loss: .binaryCrossEntropy, metrics: [.accuracy])
      let history = try trainer.fit(known.inputs, known.targets, epochs: 8, validationSplit: 0.1, verbose: .silent)
      curves.append(.init(name: name, values: history["val_accuracy"] ?? []))
      let accuracy = try trainer.evaluate(new.inputs, new.targets)["accuracy"] ?? 0
      print("\(name): test accuracy \(decimal(accuracy, digits: 3))")
      for sentence in ["the plot was good", "the plot was not good", "the plot was not bad"] {
        let probability = try trainer.predict(words([sentence])).doubles()[0]
        print("  \(sentence): \(decimal(probability, digits: 2))")
      }
    }
    try options.picture("course-sentiment.svg") { path in
      let panel = LinePlot.Panel(title: "accuracy on texts for validation", curves: curves)
      try LinePlot(title: "four readers of short texts", panels: [panel]).write(to: path)
    }
  }

  private struct Review {
    var text: String
    var isGood: Bool
  }

  /// Sentences of a few words. "not" turns the meaning of the word after it around.
  private func reviews(_ count: Int, seed: UInt64) -> [Review] {
    var generator = PhiloxGenerator(seed: seed)
    func word(_ words: String) -> Substring { words.split(separator: " ").randomElement(using: &generator)! }
    return (0..<count).map { _ in
      // Two things are said, and the one after "but" is what remains.
      func clause() -> (text: String, isGood: Bool) {
        let isKind = Bool.random(using: &generator)
        let isNegated = Bool.random(using: &generator)
        let quality = isKind ? word("good great lovely clever moving") : word("bad dull awful silly boring")
        let text = "the \(word("film plot music acting ending")) was \(isNegated ? "not " : "")\(quality)"
        return (text, isKind != isNegated)
      }
      let (before, after) = (clause(), clause())
      return Bool.random(using: &generator)
        ? Review(text: before.text, isGood: before.isGood)
        : Review(text: "\(before.text) but \(after.text)", isGood: after.isGood)
    }
  }
}
