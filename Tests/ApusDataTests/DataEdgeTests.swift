import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// What data can hold that is at the edge of what is read.
@Suite struct DataEdgeTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func choices(_ change: (inout DataChoices) -> Void) -> DataChoices {
    var choices = DataChoices()
    change(&choices)
    return choices
  }

  /// The largest i64 is no class, and doubles round it beyond `Int`.
  @Test func labelsBeyondEveryClass() throws {
    try NPZ.write(
      [("x", Tensor(zeros: .f32, [2, 3])), ("y", Tensor([Int64.max, 1]))], to: folder.file("big.npz"))
    #expect(try DataSummary(folder.file("big.npz")).classes.isEmpty)
    let data = try DataReader.load(folder.file("big.npz"))
    expectFault("has the label 9223372036854775808, but the model has 3 classes") {
      try data.train.checkLabels(classes: 3, of: "the model")
    }
    expectError("element 0 is 9") { try Tensor([Int64.max]).oneHot(classCount: 3) }
  }

  @Test func numbersWhoseDifferenceIsInfiniteAreAPicture() throws {
    let wide = try Tensor([-1.7e308, 0, 1.7e308, .nan], [1, 2, 2])
    #expect(try Picture.pictures(of: wide).elements(as: UInt8.self) == [0, 128, 255, 0])
  }

  /// Numbers by size first, then texts: the same order in each process.
  @Test func categoriesHaveOneOrder() throws {
    let path = try folder.write("c,y\n1a,0\n10,1\n2,0\nb,1\n-1,0\n", as: "c.csv")
    let chosen = choices { ($0.target, $0.categories) = ("y", ["c"]) }
    let data = try DataReader.load(path, chosen)
    #expect(data.train.inputNames == ["c=-1", "c=2", "c=10", "c=1a", "c=b"])
  }

  /// Means are those of the rows for training: the last row is for testing, and far away.
  @Test func meansDoNotSeeTheTestRows() throws {
    let path = try folder.write("a,y\n1,0.5\n2,1\n3,0\n4,1\n100000,1\n", as: "leak.csv")
    let chosen = choices { ($0.target, $0.normalizes, $0.testFraction) = ("y", true, 0.2) }
    let data = try DataReader.load(path, chosen)
    #expect(data.encoding?.table?.columns.first?.mean == 2.5)
    #expect(data.train.count == 4 && data.test?.count == 1)
    #expect(data.encoding?.split?.testFraction == 0.2)
    #expect(abs(data.train.inputs.doubles().reduce(0, +)) < 1e-6)
  }

  @Test func numbersThatNoFloatHoldsAreRefused() throws {
    let path = try folder.write("a,y\n1,0\n1e39,1\n", as: "large.csv")
    expectFault("large.csv:3:1: error: 1e+39 in column 'a' is too large for a 32-bit float") {
      try DataReader.load(path)
    }
    let target = try folder.write("a,y\n1,0.5\n2,1e39\n", as: "target.csv")
    expectFault("target.csv:3:3: error: the target 'y' is too large") { try DataReader.load(target) }
  }

  @Test func textsOfOtherEncodingsAreRefused() throws {
    let path = try folder.write(Array("a,y\nM".utf8) + [0xFC] + Array("ller,1\n".utf8), as: "latin.csv")
    expectFault("latin.csv: is not UTF-8 text", "iconv") { try DataReader.load(path) }
  }

  /// A row of tabs alone has fields, all of them missing; one of blanks has none.
  @Test func rowsWithoutValuesCount() throws {
    let path = try folder.write("a\tb\ty\n1\t2\t0\n\t\t\n3\t4\t1\n   \n", as: "t.tsv")
    #expect(try DataSummary(path, choices { $0.target = "y" }).parts.map(\.missing) == [1, 1, 1])
    // The ending tells the separator, whatever the names hold.
    let names = try folder.write("First, last\tage\ty\nx\t2\t0\nz\t4\t1\n", as: "names.tsv")
    #expect(try DataReader.load(names).train.inputNames == ["First, last=x", "First, last=z", "age"])
  }

  /// To predict, a table need not know its targets; one that names a class must name it right.
  @Test func missingTargetsAreNoTargets() throws {
    let path = try folder.write("a,y\n1,u\n2,v\n", as: "known.csv")
    let encoding = try #require(try DataReader.load(path).encoding)
    let unknown = try folder.write("a,y\n1,u\n2,\n", as: "unknown.csv")
    let samples = try DataReader.samples(unknown, encoding: encoding)
    #expect(samples.count == 2 && samples.targets == nil)
    let dropping = try #require(
      try DataReader.load(path, choices { $0.missing = .drop }).encoding)
    let gaps = try DataReader.samples(folder.write("a\n1\nNA\n3\n", as: "gaps.csv"), encoding: dropping)
    #expect(gaps.count == 2 && gaps.droppedCount == 1)
  }

  @Test func choicesWithoutAMeaningAreRefused() throws {
    let table = try folder.write("a,y\n1,0\n", as: "t.csv")
    try NPZ.write([("x", Tensor([Float(1)])), ("y", Tensor([Int32(0)]))], to: folder.file("a.npz"))
    let cases: [(String, DataChoices, String)] = [
      (table, choices { $0.imageSize = [2, 2] }, "--image-size"), (table, choices { $0.color = .gray }, "--color"),
      (folder.file("a.npz"), choices { $0.normalizes = true }, "--normalize"),
      (folder.file("a.npz"), choices { $0.missing = .mean }, "--missing"),
      (folder.file("a.npz"), choices { $0.categories = ["x"] }, "--categories"),
      ("fashion-mnist", choices { $0.testFraction = 0.1 }, "--test-split"),
      ("fashion-mnist", choices { $0.mixes = true }, "--mix"),
    ]
    for (path, chosen, option) in cases {
      expectFault(.usage, ["\(option) has no meaning for '\(path)'"], location: #_sourceLocation) {
        try DataReader.checkUse(of: chosen, for: path)
      }
    }
    try DataReader.checkUse(of: choices { ($0.normalizes, $0.testFraction) = (true, 0.5) }, for: table)
  }

  /// Lists in lists, and tuples in tuples, as deep as a file likes: an error, not the end of the process.
  @Test func pickledObjectsDoNotNest() throws {
    for body in [[UInt8](repeating: 0x85, count: 200_000), [UInt8](repeating: UInt8(ascii: "]"), count: 200_000)] {
      // ((((… and [[[[…: all of them closed by one append each, or by nothing.
      let closing = [UInt8](repeating: UInt8(ascii: "a"), count: body[0] == 0x85 ? 0 : 199_999)
      let pickle = [0x80, 4, UInt8(ascii: "K"), 1] + body + closing + [UInt8(ascii: ".")]
      var failure: ApusError?
      do { _ = try PickledLists.parse(Self.objects(pickle), path: "deep.npy") } catch let error as ApusError {
        failure = error
      }
      #expect(failure?.description.contains("deep.npy") ?? false)
    }
  }

  /// An NPY file of one object, with this pickle.
  private static func objects(_ pickle: [UInt8]) -> [UInt8] {
    let text = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    let padded = text + String(repeating: " ", count: 118 - text.utf8.count - 1) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8) + pickle
  }
}
