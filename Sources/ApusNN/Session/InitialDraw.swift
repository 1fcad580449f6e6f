import ApusCore
import Foundation

/// What a tensor is filled with.
protocol ElementSource {
  mutating func fill<Element: TensorElement>(_ elements: UnsafeMutableBufferPointer<Element>)
}

/// Elements of which each follows from those before it.
struct ElementsInOrder<State>: ElementSource {
  var state: State
  let next: (inout State) -> Double

  mutating func fill<Element: TensorElement>(_ elements: UnsafeMutableBufferPointer<Element>) {
    for position in elements.indices { elements[position] = Element(converting: next(&state)) }
  }
}

/// The random numbers of one variable.
struct RandomNumbers {
  let philox: Philox
  let stream: UInt64
  /// The numbers one after the other.
  let generator: PhiloxGenerator

  init(seed: UInt64, stream: UInt64) {
    (philox, self.stream) = (Philox(seed: seed), stream)
    generator = PhiloxGenerator(seed: seed, stream: stream)
  }
}

/// A distribution of which a block of random numbers gives one element or two, whatever the blocks before it gave.
protocol BlockDistribution: Sendable {
  /// 1 or 2.
  static var elementsOfBlock: Int { get }
  /// The elements, given a block's two numbers in [0, 1); of one element the first counts.
  func elements(_ numbers: (Double, Double)) -> (Double, Double)
}

struct UniformDistribution: BlockDistribution {
  let low, high: Double
  static let elementsOfBlock = 2

  func elements(_ numbers: (Double, Double)) -> (Double, Double) {
    (low + (high - low) * numbers.0, low + (high - low) * numbers.1)
  }
}

struct NormalDistribution: BlockDistribution {
  let mean, deviation: Double
  static let elementsOfBlock = 1

  func elements(_ numbers: (Double, Double)) -> (Double, Double) {
    (mean + deviation * boxMuller(numbers.0, numbers.1), 0)
  }
}

/// Elements by block: all processors draw them, since a large model has a hundred million. The bits are those that one
/// would draw.
struct ElementsByBlock<Distribution: BlockDistribution>: ElementSource {
  let numbers: RandomNumbers
  let distribution: Distribution

  func fill<Element: TensorElement>(_ elements: UnsafeMutableBufferPointer<Element>) {
    let share = 1 << 16
    nonisolated(unsafe) let elements = elements
    let (philox, stream) = (numbers.philox, numbers.stream)
    @Sendable func fill(_ range: Range<Int>) {
      for position in stride(from: range.lowerBound, to: range.upperBound, by: Distribution.elementsOfBlock) {
        let pair = philox.pair(UInt64(position / Distribution.elementsOfBlock), stream: stream)
        let drawn = distribution.elements(pair)
        elements[position] = Element(converting: drawn.0)
        if Distribution.elementsOfBlock == 2, position + 1 < range.upperBound {
          elements[position + 1] = Element(converting: drawn.1)
        }
      }
    }
    let count = (elements.count + share - 1) / share
    if count <= 1 { return fill(0..<elements.count) }
    DispatchQueue.concurrentPerform(iterations: count) {
      fill($0 * share..<min(($0 + 1) * share, elements.count))
    }
  }
}

extension PhiloxGenerator {
  /// In [0, 1), 53 bits.
  private mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func normal() -> Double {
    let a = unit()
    return boxMuller(a, unit())
  }

  /// Drawn again beyond two deviations.
  mutating func truncatedNormal() -> Double {
    while true {
      let x = normal()
      if abs(x) <= 2 { return x }
    }
  }
}

/// Box and Muller 1958: a normal number from two in [0, 1); the logarithm's argument is in (0, 1].
private func boxMuller(_ a: Double, _ b: Double) -> Double {
  let radius = (-2 * log(1 - a)).squareRoot()
  return radius * cos(2 * .pi * b)
}
