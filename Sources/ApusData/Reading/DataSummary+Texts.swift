import ApusCore

extension DataSummary {
  /// How many of the most frequent words are shown.
  private static let shownWords = 10

  /// What texts hold: how long they are, their words, their classes.
  /// - Parameter isByClass: whether they have targets.
  mutating func describeTexts(_ choices: DataChoices, isByClass: Bool) throws {
    var choices = choices
    // A missing text does not keep one from looking at the others, and a sorted folder is shown in its order.
    if choices.missing == .error { choices.missing = .zero }
    choices.mixes = choices.mixes ?? false
    let texts: [String]
    do {
      let data = try DataReader.load(name, choices)
      (kind, samples, testSamples) = (data.kind, data.train.count, data.test?.count)
      remarks = data.remarks
      classes = ClassCount.of(data.train.targets, data.classNames)
      texts = data.train.texts ?? []
    } catch let error as ApusError where error.fault == .input && !isByClass {
      // Texts without targets can be looked at, too; any other fault shows again.
      let read = try DataReader.samples(name, choices)
      (samples, texts, remarks) = (read.count, read.texts ?? [], read.remarks)
      note = error.diagnostics.first?.message
    }
    let tokens = texts.map(choices.texts.tokens)
    let counts = StringLookup.counts(tokens)
    var lengths = Moments()
    for text in tokens { lengths.add(Double(text.count)) }
    var part = Part(
      name: "texts", type: choices.texts.split == .character ? "characters" : "words",
      missing: texts.count(where: \.isEmpty), distinct: counts.count)
    part.take(lengths)
    parts = [part]
    words = StringLookup.ranked(counts).prefix(Self.shownWords).map { ClassCount(name: $0.term, count: $0.count) }
    firstText = texts.first
  }
}
