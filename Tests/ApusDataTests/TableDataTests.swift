import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Tables as data sets: what NumPy makes of the same file, and what is refused.
@Suite struct TableDataTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let passengers = "\(reading)/passengers.csv"

  private func choices(_ change: (inout DataChoices) -> Void) -> DataChoices {
    var choices = DataChoices()
    choices.target = "class"
    change(&choices)
    return choices
  }

  private func load(_ text: String, target: String? = "y", _ change: (inout DataChoices) -> Void = { _ in }) throws
    -> LoadedData
  {
    try DataReader.load(
      folder.write(text, as: "t.csv"),
      choices {
        $0.target = target
        change(&$0)
      })
  }

  @Test(arguments: [
    (MissingValues.mean, false, "mean", "labels"), (.zero, false, "zero", "labels"),
    (.drop, false, "drop", "dropped_labels"), (.mean, true, "normalized", "labels"),
  ])
  func columnsBecomeInputs(
    _ missing: MissingValues, _ normalizes: Bool, _ inputs: String, _ labels: String
  ) throws {
    let arrays = try Dictionary(
      uniqueKeysWithValues: NPZ.read("\(reading)/passengers.npz").map { ($0.name, $0.tensor) })
    let data = try DataReader.load(
      passengers,
      choices {
        $0.features = ["age", "port", "fare"]
        $0.missing = missing
        $0.normalizes = normalizes
      })
    let expected = try #require(arrays[inputs])
    try #require(data.train.inputs.dimensions == expected.dimensions)
    for (a, b) in zip(data.train.inputs.doubles(), expected.doubles()) { #expect(abs(a - b) <= 1e-5 * max(1, abs(b))) }
    #expect(data.train.targets == arrays[labels])
    #expect(data.classNames == ["first", "second", "third"])
    #expect(data.train.inputNames == ["age", "port=Cherbourg", "port=Queenstown", "port=Southampton", "fare"])
    #expect(data.train.label(of: 0) == "\(passengers):2")
  }

  /// What is kept with a model gives the same inputs to other rows, in other orders of columns.
  @Test func anEncodingIsKept() throws {
    let data = try DataReader.load(
      passengers,
      choices {
        $0.features = ["age", "port"]
        $0.missing = .mean
        $0.normalizes = true
      })
    let json = try JSONEncoder().encode(try #require(data.encoding))
    let encoding = try JSONDecoder().decode(InputEncoding.self, from: json)
    #expect(encoding == data.encoding)
    let path = try folder.write("port,extra,age\nSouthampton,x,21.5\nCherbourg,y,\n", as: "new.csv")
    let new = try DataReader.samples(path, encoding: encoding, classNames: data.classNames)
    #expect(new.targets == nil)
    #expect(try new.inputs.gather(rows: [0]) == data.train.inputs.gather(rows: [1]))
    #expect(try new.inputs.gather(rows: [1]) == data.train.inputs.gather(rows: [3]))
    expectFault("new.csv: holds no targets", "the model needs the column 'class'") {
      try DataReader.load(path, encoding: encoding)
    }
    let other = try folder.write("port,age\nParis,3\n", as: "other.csv")
    expectFault("other.csv:2:1: error: column 'port' has no category 'Paris'", "it has Cherbourg, Queenstown") {
      try DataReader.samples(other, encoding: encoding)
    }
    let less = try folder.write("port,class\nCherbourg,first\n", as: "less.csv")
    expectFault("less.csv: lacks the column 'age', which the model reads", "the file has port, class") {
      try DataReader.samples(less, encoding: encoding)
    }
    let wrong = try folder.write("port,age,class\nCherbourg,3,fisrt\n", as: "wrong.csv")
    expectFault("wrong.csv:2:13: error: 'fisrt' is not a class of the target 'class'", "did you mean 'first'?") {
      try DataReader.samples(wrong, encoding: encoding)
    }
  }

  @Test func targets() throws {
    #expect(try load("a,y\n1,0.5\n2,1\n").train.targets == Tensor([Float(0.5), 1]))
    #expect(try load("a,y\n1,-1\n2,1\n").train.targets == Tensor([Float(-1), 1]))
    #expect(try load("a,y\n1,3\n2,1\n").train.targets == Tensor([Int32(3), 1]))
    // Numbers that name classes.
    let named = try load("a,y\n1,30\n2,4\n3,30\n") { $0.categories = ["y"] }
    #expect(named.classNames == ["4", "30"] && named.train.targets == Tensor([Int32(1), 0, 1]))
    // A usual name needs no word; another file, or another column, does.
    #expect(try load("label,a\n1,3\n0,4\n", target: nil).train.targets == Tensor([Int32(1), 0]))
    expectFault("t.csv: does not say which of its columns is the target", "its columns are a, b") {
      try load("a,b\n1,2\n", target: nil)
    }
  }

  @Test func headers() throws {
    // A header of numbers beside a name, as in tables of pixels; and none at all, as UCI's tables have.
    let pixels = try load("y,0,1\n5,10,20\n", target: "y")
    #expect(pixels.train.inputNames == ["0", "1"] && pixels.train.count == 1)
    let flowers = try load("5.1,3.5,setosa\n4.9,3.0,virginica\n", target: "3")
    #expect(flowers.classNames == ["setosa", "virginica"] && flowers.train.count == 2)
    #expect(try load("1,2\n3,4\n", target: "2").train.count == 2)
    #expect(try load("1,2\n3,4\n", target: "2") { $0.header = .present }.train.count == 1)
    #expect(try load("a;y\n1;2\n").train.inputs == Tensor([Float(1)], [1, 1]))
    #expect(try load("a\ty\n1\t2\n").train.inputs == Tensor([Float(1)], [1, 1]))
  }

  @Test func parts() throws {
    let rows = (0..<10).map { "\($0),\($0 % 2)\n" }.joined()
    let data = try load("a,y\n" + rows) { $0.testFraction = 0.3 }
    #expect(data.train.inputs.elements(as: Float.self) == [0, 1, 2, 3, 4, 5, 6])
    #expect(data.test?.inputs.elements(as: Float.self) == [7, 8, 9])
    let mixed = try load("a,y\n" + rows) { $0.mixes = true }
    #expect(mixed.train.inputs.elements(as: Float.self) != (0..<10).map(Float.init))
    // A row and its target stay together.
    for (a, y) in zip(mixed.train.inputs.doubles(), mixed.train.targets.doubles()) {
      #expect(Int(a) % 2 == Int(y))
    }
    #expect(mixed.train.label(of: 0) == "\(folder.file("t.csv")):\(Int(mixed.train.inputs.doubles()[0]) + 2)")
  }

  @Test func faults() throws {
    expectFault("t.csv:3:1: error: the value of column 'a' is missing", "  ,1\n  ^") { try load("a,y\n1,0\n,1\n") }
    expectFault("t.csv:3:3: error: the target 'y' is missing") { try load("a,y\n1,0\n1,\n") { $0.missing = .mean } }
    expectFault("t.csv:4:1: error: 'x' is not a number, but column 'a' holds 2 numbers") {
      try load("a,y\n1,0\n2,1\nx,1\n")
    }
    expectFault("two columns have the name 'a'") { try load("a,a,y\n1,2,3\n") }
    expectFault("has no column 'zebra'", "its columns are a, y") { try load("a,y\n1,0\n", target: "zebra") }
    expectFault("has no column 'sise'", "did you mean 'size'?") {
      try load("size,y\n1,0\n") { $0.features = ["sise"] }
    }
    expectFault("is one of the features") { try load("a,y\n1,0\n") { $0.features = ["a", "y"] } }
    expectFault("the feature 'a' is named twice") { try load("a,y\n1,0\n") { $0.features = ["a", "a"] } }
    expectFault("the column 'b' of categories is neither a feature nor the target") {
      try load("a,b,y\n1,2,0\n") { ($0.features, $0.categories) = (["a"], ["b"]) }
    }
    expectFault("column 'a' holds no values") { try load("a,y\n,0\n,1\n") { $0.missing = .mean } }
    func names(_ count: Int) -> String { "name,y\n" + (0..<count).map { "n\($0),\($0 % 2)\n" }.joined() }
    expectFault("column 'name' holds 257 different texts, more than the 256 that become inputs") {
      try load(names(257))
    }
    #expect(try load(names(256)).train.inputs.dimensions == [256, 256])
    expectFault("each of its 2 rows lacks a value") {
      try load("a,b,y\n1,,0\n,2,1\n") { $0.missing = .drop }
    }
  }
  /// Between semicolons numbers may have decimal commas, also in the first line; a comma elsewhere separates fields.
  @Test func decimalCommas() throws {
    let data = try load("a;b;y\n1,5;2;0\n-2,25;3e1;1\n,5;\"7,125\";1\n")
    #expect(data.train.inputs.doubles() == [1.5, 2, -2.25, 30, 0.5, 7.125])
    let headless = try load("1,5;2,5;0\n2,5;3;1\n", target: "3")
    #expect(headless.train.inputs.doubles() == [1.5, 2.5, 2.5, 3])
    let points = try load("a;y\n1.5;0\n2;1\n")
    #expect(points.train.inputs.doubles() == [1.5, 2])
    expectFault("t.csv:4:3: error: '0,5' has a decimal comma, but a number in line 2 has a decimal point") {
      try load("a;b;y\n1.5;2;0\n1;2;0\n1;0,5;1\n")
    }
    // A thousand with a fraction is a text, and so is a column of such.
    #expect(try load("a;y\n1.234,5;0\n2.000,5;1\n").train.inputNames == ["a=1.234,5", "a=2.000,5"])
    for separator in [",", "\t"] {
      expectFault("t.csv:3:1: error: '1,5' is a number with a decimal comma") {
        try load("a\(separator)y\n2\(separator)0\n\"1,5\"\(separator)1\n")
      }
    }
    // A tab separates, whatever else a name holds.
    #expect(try load("a;b\ty\n1\t0\n").train.inputNames == ["a;b"])
    // Words that hold commas beside semicolons.
    #expect(try load("a,b;c,y\n1,2,0\n").train.inputNames == ["a", "b;c"])
  }
}
