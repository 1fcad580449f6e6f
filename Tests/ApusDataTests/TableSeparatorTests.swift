import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// How the separator of a table is found, and which texts are numbers.
@Suite struct TableSeparatorTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func load(
    _ text: String, as name: String = "t.csv", target: String = "y", _ change: (inout DataChoices) -> Void = { _ in }
  ) throws -> LoadedData {
    var choices = DataChoices()
    choices.target = target
    change(&choices)
    return try DataReader.load(folder.write(text, as: name), choices)
  }

  @Test(arguments: [
    ("\"height, cm\";b;y\n1;2;3\n2;3;4\n", ["height, cm", "b"]), ("\n  \n\na;b;y\n1;2;3\n", ["a", "b"]),
    ("a;b (m, s);y\n1;2;3\n2;3;4\n", ["a", "b (m, s)"]), ("a;b (m, s);y\n1,5;2;3\n", ["a", "b (m, s)"]),
    ("a|b|y\n1.5|2|3\n", ["a", "b"]), ("a,\"b;c;d\",y\n1,2,3\n", ["a", "b;c;d"]),
    ("a\tb, c\ty\n1\t2\t3\n", ["a", "b, c"]),
  ]) func separatorsAreFound(_ text: String, _ names: [String]) throws {
    #expect(try load(text).train.inputNames == names)
  }

  @Test func aSeparatorIsChosen() throws {
    #expect(try load("a;b,y\n1;2,3\n", target: "b,y") { $0.separator = ";" }.train.inputNames == ["a"])
    #expect(try load("a b y\n1 2 3\n") { $0.separator = " " }.train.inputNames == ["a", "b"])
    #expect(try load("a,b,y\n1,2,3\n", as: "t.tsv") { $0.separator = "," }.train.inputNames == ["a", "b"])
  }

  /// Hexadecimal numbers are texts to whoever writes tables.
  @Test func numbersAreDecimal() throws {
    #expect(try load("a,y\n0x10,1\n0x1p3,2\nnan(1),3\n").train.inputNames == ["a=0x10", "a=0x1p3", "a=nan(1)"])
    expectFault("t.csv:4:1: error: '0x10' is not a number") { try load("a,y\n1,1\n2,2\n0x10,3\n") }
    #expect(try load("a,y\n1e3,1\n-.5,2\n+7,3\n").train.inputs.doubles() == [1000, -0.5, 7])
  }

  @Test func columnsWithoutNames() throws {
    #expect(try load(",a,y\n0,1,2\n").train.inputNames == ["(empty name)", "a"])
    expectFault("two columns have an empty name") { try load(",,y\n0,1,2\n") }
    expectFault("has no column 'zebra'", "its columns are (empty name), a, y") {
      try load(",a,y\n0,1,2\n", target: "zebra")
    }
    expectFault("two columns have the name 'a'", "or say that the first line is a sample") {
      try load("a,a,y\nb,c,d\n")
    }
  }
}
