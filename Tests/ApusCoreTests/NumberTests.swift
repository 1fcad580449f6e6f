import ApusCore
import Foundation
import Testing

/// Numbers that are to be elements, and their spelling.
@Suite struct NumberTests {
  @Test func exactNumbersFitOrDoNot() {
    #expect(ExactNumber(300).element(as: UInt8.self) == nil && ExactNumber(255).element(as: UInt8.self) == 255)
    #expect(ExactNumber(-1).element(as: UInt8.self) == nil && ExactNumber(0.5).element(as: UInt8.self) == nil)
    #expect(ExactNumber(Double.nan).element(as: Int64.self) == nil && !ExactNumber(Double.infinity).fits(.i64))
    #expect(ExactNumber(9_007_199_254_740_993).element(as: Int64.self) == 9_007_199_254_740_993)
    #expect(
      ExactNumber(Int64.max).element(as: Int64.self) == .max && ExactNumber(Int64.min).element(as: Int64.self) == .min)
    #expect(ExactNumber(0x1p63).element(as: Int64.self) == nil)
    #expect(ExactNumber(1).element(as: Bool.self) == true && ExactNumber(2).element(as: Bool.self) == nil)
    #expect(ExactNumber(-0.0).element(as: Int32.self) == nil, "-0.0 is no integer")
    #expect(ExactNumber(-0.0).element(as: Float.self)?.sign == .minus)
    #expect(ExactNumber(1e39).element(as: Float.self) == nil && ExactNumber(1e38).element(as: Float.self) == 1e38)
    #expect(ExactNumber(-Double.infinity).element(as: Float.self) == -.infinity && ExactNumber(70000).fits(.bf16))
    #expect(!ExactNumber(70000).fits(.f16) && ExactNumber(65504).element(as: Float16.self) == 65504)
  }

  @Test func exactNumbersCompareAsNumbersDo() throws {
    #expect(ExactNumber(1.0) == 1 && ExactNumber(Int64(1)) == ExactNumber(1.0))
    #expect(ExactNumber(-0.0) != ExactNumber(0.0) && ExactNumber(Double.nan) == ExactNumber(-Double.nan))
    #expect(ExactNumber(9_007_199_254_740_993) != ExactNumber(9_007_199_254_740_992))
    #expect(
      "\(ExactNumber(9_007_199_254_740_993)) \(ExactNumber(-0.0)) \(ExactNumber(0.1))" == "9007199254740993 -0.0 0.1")
    #expect(throws: ApusError.self) { try Tensor(filling: [2], with: 300, .u8) }
    #expect(
      try Tensor(filling: [2], with: 9_007_199_254_740_993, .i64).elements() == [
        9_007_199_254_740_993, 9_007_199_254_740_993,
      ] as [Int64])
  }

  /// Every number of 16 bits, and every power of two of the others with its neighbors.
  @Test func decimalsReadBack() {
    for bits in UInt16.min...UInt16.max {
      let (half, brain) = (Float16(bitPattern: bits), BFloat16(bitPattern: bits))
      if !half.isNaN { #expect(Float16(DecimalText.describe(element: half))?.bitPattern == bits) }
      if !brain.asFloat.isNaN { #expect(Float(DecimalText.describe(element: brain)) == brain.asFloat) }
    }
    for exponent in -149...127 {
      for x in [Float(sign: .plus, exponent: exponent, significand: 1)].flatMap({ [$0, $0.nextUp, -$0.nextDown] }) {
        #expect(Float(DecimalText.describe(x))?.bitPattern == x.bitPattern)
      }
    }
    for exponent in -1074...1023 {
      for x in [Double(sign: .plus, exponent: exponent, significand: 1)].flatMap({ [$0, $0.nextUp, -$0.nextDown] }) {
        #expect(Double(DecimalText.describe(x))?.bitPattern == x.bitPattern)
      }
    }
  }

  @Test func jsonHasWordsForWhatItLacks() throws {
    let values = [0.1, -0.0, .nan, .infinity, -.infinity].map(JSONReal.init)
    let text = String(decoding: try JSONEncoder().encode(values), as: UTF8.self)
    #expect(text.hasSuffix(#","NaN","Infinity","-Infinity"]"#), "\(text)")
    let back = try JSONDecoder().decode([JSONReal].self, from: Data(text.utf8)).map(\.value)
    #expect(back.map(\.isNaN) == [false, false, true, false, false])
    #expect(back[0] == 0.1 && back[1].sign == .minus && back[3] == .infinity && back[4] == -.infinity)
    // As earlier files have them.
    let old = try JSONDecoder().decode([JSONReal].self, from: Data(#"["nan", "inf", "-inf"]"#.utf8)).map(\.value)
    #expect(old[0].isNaN && old[1] == .infinity && old[2] == -.infinity)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([JSONReal].self, from: Data(#"["x"]"#.utf8)) }
  }
}
