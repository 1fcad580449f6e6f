import ApusCore
import ApusGraph
import ApusOperators

extension RandomUniform: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let words = RandomWords(seed, operands[0])
    var result = try context.unsetResult()
    switch dtype {
    case .f32:
      let (low, high) = (Float(low), Float(high))
      result.withMutableElements(as: Float.self) { elements in
        words.visit(perElement: 1, elements.count) { i, word, _ in
          elements[i] = min(Float(word >> 8) * 0x1p-24 * (high - low) + low, high.nextDown)
        }
      }
    case .f64:
      result.withMutableElements(as: Double.self) { elements in
        words.visit(perElement: 2, elements.count) { i, word, next in
          let bits = (UInt64(next) << 32 | UInt64(word)) >> 11
          elements[i] = min(Double(bits) * 0x1p-53 * (high - low) + low, high.nextDown)
        }
      }
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw ApusError.defect("\(name) of \(dtype) reached its kernel")
    }
    return [result]
  }
}

extension RandomNormal: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let words = RandomWords(seed, operands[0])
    var result = try context.unsetResult()
    switch dtype {
    case .f32:
      result.withMutableElements(as: Float.self) { elements in
        words.visit(perElement: 2, elements.count) { i, word, next in
          elements[i] = Float(mean + deviation * StandardNormal.draw(word, next))
        }
      }
    case .f64:
      result.withMutableElements(as: Double.self) { elements in
        words.visit(perElement: 2, elements.count) { i, word, next in
          elements[i] = mean + deviation * StandardNormal.draw(word, next)
        }
      }
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: throw ApusError.defect("\(name) of \(dtype) reached its kernel")
    }
    return [result]
  }
}

/// The words of one stream, four to a block.
private struct RandomWords {
  let philox: Philox
  let stream: UInt64

  /// - Parameter counter: an `i64` scalar.
  init(_ seed: UInt64, _ counter: Tensor) {
    philox = Philox(seed: seed)
    stream = counter.withElements(as: Int64.self) { UInt64(bitPattern: $0[0]) }
  }

  /// Calls `body` with each element's first word and the word after it.
  /// - Parameter perElement: 1 or 2 words.
  func visit(perElement: Int, _ count: Int, _ body: (_ element: Int, _ word: UInt32, _ next: UInt32) -> Void) {
    let perBlock = 4 / perElement
    for first in stride(from: 0, to: count, by: perBlock) {
      let block = philox.block(UInt64(first / perBlock), stream: stream)
      for offset in 0..<min(perBlock, count - first) {
        let word = offset * perElement
        body(first + offset, block[word], block[(word + 1) & 3])
      }
    }
  }
}
