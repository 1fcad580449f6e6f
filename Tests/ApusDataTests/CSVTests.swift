import ApusCore
import ApusData
import TestSupport
import Testing

@Suite struct CSVTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func table(_ text: String, header: CSV.Header = .automatic, separator: Character = ",") throws -> CSV {
    try CSV(contentsOf: folder.write(text, as: "t.csv"), header: header, separator: separator)
  }

  @Test func reading() throws {
    let plain = try table("1,2\n3.5,-4e2\n")
    #expect(plain.columns == nil)
    #expect(try plain.values == Tensor([1.0, 2, 3.5, -400], [2, 2]))
    // More digits than an integer holds, behind the row that says how wide the table is.
    let long = try table("1,2\n12345678901234567890,-98765432109876543210\n")
    #expect(try long.values == Tensor([1.0, 2, 12345678901234567890.0, -98765432109876543210.0], [2, 2]))
    let named = try table("\u{FEFF}\"a, \"\"b\"\"\", species \r\n1 , 2\r\n\r\n\"3\",4")
    #expect(named.columns == ["a, \"b\"", "species"])
    #expect(try named.values == Tensor([1.0, 2, 3, 4], [2, 2]))
    // Old line ends, a sign, blanks, long numbers and mixed rows.
    #expect(
      try table("1,-2\r3,-0\r\n\r\n 5 ,6\n+7,1234567890123456789\n1e3,-8").values
        == Tensor([1, -2, 3, -0.0, 5, 6, 7, 1_234_567_890_123_456_768, 1000, -8], [5, 2]))
    #expect(try table("1;2", separator: ";").values == Tensor([1.0, 2], [1, 2]))
    #expect(try table("1,2\n3,4", header: .present).columns == ["1", "2"])
  }

  @Test func labels() throws {
    let csv = try table("width,class,height\n1,0,2\n3,2,4\n")
    let (features, labels) = try csv.splitting(label: "class")
    #expect(try features == Tensor([Float(1), 2, 3, 4], [2, 2]))
    #expect(labels == Tensor([Int32(0), 2]))
    #expect(try csv.splitting(labelColumn: -1).labels == Tensor([Int32(2), 4]))
    #expect(try table("1,0.5\n2,1").splitting(labelColumn: 1).labels == Tensor([Float(0.5), 1]))
    expectFault("no column 'clas'", "did you mean 'class'?") { try csv.splitting(label: "clas") }
    expectFault("3 columns") { try csv.splitting(labelColumn: 3) }
    expectFault("no header") { try table("1,2").splitting(label: "x") }
  }

  @Test func faults() {
    expectFault("t.csv:3:4: error: 'x' is not a number", "  3, x\n     ^") { try table("a,b\n1,2\n3, x\n") }
    expectFault("t.csv:3:1: error: '--1' is not a number") { try table("1,2\r\n3,4\r\n--1,2\r\n") }
    expectFault("t.csv:2:1: error: '-' is not a number") { try table("1,2\n-,2\n") }
    expectFault("t.csv:2:3: error: '' is not a number") { try table("1,2\n1,\n") }
    expectFault("t.csv:2:1: error: this row has 1 fields, the first has 2") { try table("1,2\n1\n") }
    expectFault("t.csv:2:3: error: a quote is not closed") { try table("1,2\n1,\"2\n") }
    expectFault("no rows of numbers") { try table("a,b\n") }
    expectFault("no rows of numbers") { try table("") }
    expectFault("'a' is not a number") { try table("a,b\n1,2", header: .absent) }
  }

  @Test func roundTrip() throws {
    let values = try Tensor([0.1, -2, 1e-300, .infinity, 1e17, 3], [3, 2])
    try CSV(columns: ["x", "y \"q\", z"], values: values).write(to: folder.file("o.csv"))
    let back = try CSV(contentsOf: folder.file("o.csv"))
    #expect(back.columns == ["x", "y \"q\", z"])
    #expect(back.values == values)
    for tensor in try samples() {
      try CSV(values: tensor).write(to: folder.file("o.csv"))
      #expect(try CSV(contentsOf: folder.file("o.csv")).values.doubles() == tensor.doubles())
    }
    let large = try Tensor([Int64.max, .min], [1, 2])
    try CSV(values: large).write(to: folder.file("o.csv"))
    #expect(try contents(folder.file("o.csv")) == Array("9223372036854775807,-9223372036854775808\n".utf8))
  }
}
