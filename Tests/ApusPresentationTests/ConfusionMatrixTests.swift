import ApusCore
import ApusPresentation
import Testing

@Suite struct ConfusionMatrixTests {
  private let names = ["daisy", "poppy", "tulip"]

  /// scikit-learn 1.9, `confusion_matrix` and `precision_recall_fscore_support` of y_true = [2, 0, 2, 2, 0, 1] and
  /// y_pred = [0, 0, 2, 2, 0, 2], the example of its manual.
  @Test func asInScikitLearn() throws {
    let matrix = try ConfusionMatrix(
      labels: Tensor([UInt8(2), 0, 2, 2, 0, 1]), predictions: Tensor([Int64(0), 0, 2, 2, 0, 2]), classNames: names)
    #expect(matrix.counts == [[2, 0, 0], [0, 0, 1], [1, 0, 2]])
    #expect(matrix.sampleCount == 6 && matrix.accuracy == 4.0 / 6)
    #expect(matrix.recall(of: 2) == 2.0 / 3 && matrix.precision(of: 0) == 2.0 / 3)
    #expect(matrix.precision(of: 1) == nil && matrix.recall(of: 1) == 0)
    #expect(matrix.f1Score(of: 0) == 0.8)
    #expect(
      matrix.description == """
        truth \\ prediction   daisy   poppy   tulip  recall
        daisy                    2       0       0  1.0000
        poppy                    0       0       1  0.0000
        tulip                    1       0       2  0.6667
        precision           0.6667       -  0.6667

        """, "\(matrix)")
    #expect(matrix.csv() == "truth,daisy,poppy,tulip\ndaisy,2,0,0\npoppy,0,0,1\ntulip,1,0,2\n")
    #expect(
      try matrix.json() == #"{"class_names":["daisy","poppy","tulip"],"counts":[[2,0,0],[0,0,1],[1,0,2]]}"# + "\n")
  }

  /// Scores of each class, probabilities of one, and rows with a single 1.
  @Test func scoresAndRows() throws {
    let scores = try Tensor([Float(0.1), 0.7, 0.2, 0.5, 0.2, 0.3], [2, 3])
    let rows = try Tensor([Float(0), 1, 0, 0, 0, 1], [2, 3])
    #expect(try ConfusionMatrix(labels: rows, predictions: scores).counts == [[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    let probabilities = try Tensor([Float(0.9), 0.5, 0.51], [3, 1])
    let matrix = try ConfusionMatrix(labels: Tensor([Int32(1), 1, 0]), predictions: probabilities)
    #expect(matrix.counts == [[0, 1], [1, 1]] && matrix.classNames == ["0", "1"])
  }

  /// Names too wide for a line give way to the classes' numbers.
  @Test func manyClasses() throws {
    let names = (0..<12).map { "a rather long name \($0)" }
    let matrix = try ConfusionMatrix(
      counts: (0..<12).map { i in (0..<12).map { $0 == i ? 1 : 0 } }, classNames: names)
    #expect(matrix.description.hasPrefix("truth \\ prediction             0       1 "), "\(matrix)")
    #expect(matrix.description.contains("\n11 a rather long name 11 "))
    let quoted = try ConfusionMatrix(counts: [[1]], classNames: ["a, \"b\""])
    #expect(quoted.csv() == "truth,\"a, \"\"b\"\"\"\n\"a, \"\"b\"\"\",1\n")
  }

  /// Columns have the classes' names in a table of up to 120 characters, two behind each column: 20 for the rows' names, and
  /// ten of 10.
  @Test func aTableOf120CharactersHasNames() throws {
    func head(_ length: Int) throws -> String {
      let names = (1...9).map { String(repeating: "\($0)", count: length) }
      let counts = [[Int]](repeating: [Int](repeating: 1, count: 9), count: 9)
      return String(try ConfusionMatrix(counts: counts, classNames: names).description.prefix { $0 != "\n" })
    }
    let (named, numbered) = (try head(8), try head(9))
    #expect(named.contains("  11111111  22222222  ") && named.count == 118, "\(named)")
    #expect(!numbered.contains("11") && numbered.contains("     0       1  "), "\(numbered)")
  }

  @Test func moreThanTenThousandClassesAreNumbersOfSomethingElse() throws {
    func matrix(_ label: Int32) throws -> ConfusionMatrix {
      try ConfusionMatrix(labels: Tensor([label]), predictions: Tensor([Int32(0)]))
    }
    #expect(try matrix(999).counts.count == 1000)
    let error = #expect(throws: ApusError.self) { try matrix(10_000) }
    #expect(error?.message.contains("there are 10001 classes, more than the 10000 of a confusion matrix") == true)
  }

  @Test func whatIsNotOneIsRefused() throws {
    func fail(_ labels: Tensor, _ predictions: Tensor, _ message: String) {
      let error = #expect(throws: ApusError.self) {
        try ConfusionMatrix(labels: labels, predictions: predictions, classNames: names)
      }
      #expect(error?.description.contains(message) ?? false, "\(String(describing: error))")
    }
    let three = Tensor([Int32(0), 1, 2])
    fail(three, Tensor([Int32(0), 1]), "3 labels have 2 predictions")
    fail(Tensor([Int32(0), 1, 3]), three, "sample 2 has the label 3, but there are 3 classes")
    fail(three, Tensor([Int32(0), 7, 2]), "sample 1 has the prediction 7")
    fail(Tensor([Int32(0), -1, 2]), three, "the label of sample 1 is -1.0, which is not a class")
    fail(Tensor([Float(0), 0.5, 2]), three, "the label of sample 1 is 0.5")
    fail(three, Tensor([Float(0), .nan, 1]), "the prediction of sample 1 is NaN")
    #expect(throws: ApusError.self) { try ConfusionMatrix(counts: [[1, 2], [3]]) }
    #expect(throws: ApusError.self) { try ConfusionMatrix(counts: [[1]], classNames: ["a", "b"]) }
    #expect(throws: ApusError.self) {
      try ConfusionMatrix(labels: Tensor([Int32(2_000_000_000)]), predictions: Tensor([Int32(0)]))
    }
  }
}
