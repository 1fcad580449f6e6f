import ApusCore
import Foundation
import TestSupport
import Testing

/// What a user does with tensors in host memory: print, slice, convert, compute.
@Suite struct HostTensorTests {
  private struct Printed: Decodable {
    let dtype: String
    let shape: [Int]
    let data: [String]
    let text: String

    func tensor() throws -> Tensor {
      let numbers = try Tensor(data.map { Double($0) ?? .nan }, shape)
      switch dtype {
      case "float32": return try Tensor(numbers, as: Float.self)
      case "float16": return try Tensor(numbers, as: Float16.self)
      case "int64": return try Tensor(numbers, as: Int64.self)
      case "int32": return try Tensor(numbers, as: Int32.self)
      case "int8": return try Tensor(numbers, as: Int8.self)
      case "uint8": return try Tensor(numbers, as: UInt8.self)
      case "bool": return try Tensor(numbers, as: Bool.self)
      default: return numbers
      }
    }
  }

  /// As NumPy prints them: Resources/make_array_text.py.
  @Test func tensorsPrintAsArrays() throws {
    let text = try Repository.text("Tests/ApusDataTests/Resources/array_text.json")
    let cases = try JSONDecoder().decode([Printed].self, from: Data(text.utf8))
    #expect(cases.count == 35)
    for printed in cases {
      #expect("\(try printed.tensor())" == printed.text, "\(printed.dtype) \(printed.shape)")
    }
  }

  @Test func rowsAreTensors() throws {
    let x = try Tensor((0..<12).map(Float.init), [4, 3])
    #expect(try x[1] == Tensor([3, 4, 5] as [Float]))
    #expect(try x[-1] == Tensor([9, 10, 11] as [Float]))
    #expect(try x[1][2] == Tensor(scalar: Float(5)))
    #expect(try x[1..<3] == Tensor([3, 4, 5, 6, 7, 8] as [Float], [2, 3]))
    #expect(try x[3...] == Tensor([9, 10, 11] as [Float], [1, 3]))
    #expect(try x[..<0].dimensions == [0, 3])
    expectError("there is no row 4 in f32[4, 3]\n  help: its rows are 0 to 3") { try x[4] }
    expectError("there is no row -5") { try x[-5] }
    expectError("there is no row 5") { try x[2..<6] }
    expectError("a scalar has no rows") { try x[0][0][0] }
  }

  @Test func arithmeticIsElementwise() throws {
    let bytes = try Tensor([0, 51, 255] as [UInt8], [3])
    #expect(try Tensor(bytes, as: Float.self) / 255 == Tensor([0, 51.0 / 255, 1] as [Float]))
    let x = Tensor([1, -2] as [Double])
    #expect(try (x * 3 - 1) + x == Tensor([3, -9] as [Double]))
    #expect(try x * x / x == x)
    expectError("'/' needs floating-point numbers, not u8[3]") { try bytes / 255 }
    expectError("both must be of one type and shape") { try x + Tensor([1] as [Double]) }
  }

  @Test func classesAreNumbersAndVectors() throws {
    let x = try Tensor([1, 5, 5, 0, -1, .nan] as [Float], [2, 3])
    #expect(try x.argMax(axis: 1) == Tensor([1, 2] as [Int64]))
    #expect(try x.argMax(axis: 0) == Tensor([0, 0, 1] as [Int64], [3]))
    expectError("has no elements along axis 2") { try x.argMax(axis: 2) }
    let labels = Tensor([2, 0] as [UInt8])
    #expect(try labels.oneHot(classCount: 3) == Tensor([0, 0, 1, 1, 0, 0] as [Float], [2, 3]))
    #expect(try labels.oneHot(classCount: 3).argMax() == Tensor([2, 0] as [Int64]))
    expectError("element 0 is 2, which is none of 2 classes") { try labels.oneHot(classCount: 2) }
  }
}
