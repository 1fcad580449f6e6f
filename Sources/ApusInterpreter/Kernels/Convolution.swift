import ApusCore
import ApusGraph
import ApusOperators

extension Convolution: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (x, w) = (operands[0], operands[1])
    var kernel = ConvolutionKernel(
      role: .result, geometry: try geometry(x: x.shape, w: w.shape), a: x, b: w, result: try context.zeroResult())
    return [try x.dtype.dispatchArithmetic(&kernel)]
  }
}

extension ConvolutionInputGradient: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (g, w) = (operands[0], operands[1])
    var kernel = ConvolutionKernel(
      role: .image, geometry: try geometry(x: shape, w: w.shape), a: g, b: w, result: try context.zeroResult())
    return [try g.dtype.dispatchArithmetic(&kernel)]
  }
}

extension ConvolutionFilterGradient: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    let (x, g) = (operands[0], operands[1])
    var kernel = ConvolutionKernel(
      role: .filter, geometry: try geometry(x: x.shape, w: shape), a: x, b: g, result: try context.zeroResult())
    return [try x.dtype.dispatchArithmetic(&kernel)]
  }
}

/// Convolution as matrix products, an image and a group at a time: the image's windows become the rows of a matrix
/// ("im2col"), positions × (taps · channels), which is multiplied by the kernel, (taps · channels) × outputs.
private struct ConvolutionKernel: ArithmeticVisitor {
  enum Role { case result, image, filter }

  /// Which of the three tensors is computed.
  let role: Role
  let geometry: ConvolutionGeometry
  let a: Tensor
  let b: Tensor
  /// Zeros at first.
  var result: Tensor

  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Tensor {
    // Nothing to write, or nothing to add to the zeros.
    if result.count == 0 || a.count == 0 || b.count == 0 { return result }
    let walk = WindowWalk(geometry.window)
    let channels = geometry.inputChannels / geometry.groups
    let outputs = geometry.outputChannels / geometry.groups
    let image = walk.elements * geometry.inputChannels
    let response = walk.positions * geometry.outputChannels
    let images = role == .image ? a.count / response : a.count / image
    // A window of one element sees the image itself as such a matrix.
    let columns = walk.isPointwise ? nil : try Columns<Element>(walk, channels, of: geometry.inputChannels)
    var product = MatrixProduct(
      m: walk.positions, n: outputs, k: walk.taps * channels,
      strideA: columns == nil ? geometry.inputChannels : walk.taps * channels, strideB: geometry.outputChannels,
      strideC: geometry.outputChannels)
    switch role {
    case .result: break
    case .image:
      // columns = G Wᵀ
      (product.n, product.k, product.transposeB) = (product.k, outputs, true)
      (product.strideA, product.strideC) = (geometry.outputChannels, product.strideA)
    case .filter:
      // W = Σ columnsᵀ G
      (product.m, product.k, product.transposeA) = (product.k, walk.positions, true)
      product.accumulates = true
    }

    try Tensor.withPointers(a, b, as: type) { a, b in
      try result.withMutablePointer(as: type) { c in
        for n in 0..<images {
          for group in 0..<geometry.groups {
            // Where this image and this group begin in x, w and y.
            let x = n * image + group * channels
            let w = group * outputs
            let y = n * response + group * outputs
            switch role {
            case .result:
              try Element.multiply(product, columns?.filled(from: a + x) ?? a + x, b + w, c + y)
            case .image:
              try Element.multiply(product, a + y, b + w, columns?.base ?? c + x)
              columns?.add(to: c + x)
            case .filter:
              try Element.multiply(product, columns?.filled(from: a + x) ?? a + x, b + y, c + w)
            }
          }
        }
      }
    }
    return result
  }
}

/// The windows over one group of channels of an image as rows of a matrix; one scratch for all images.
private final class Columns<Element: ArithmeticElement> {
  let walk: WindowWalk
  let channels: Int
  let pixel: Int
  let base: UnsafeMutablePointer<Element>

  /// - Parameters:
  ///   - channels: of the group.
  ///   - pixel: channels from one element of the image to the next.
  init(_ walk: WindowWalk, _ channels: Int, of pixel: Int) throws {
    guard let count = Shape.elementCount([walk.positions, walk.taps, channels]), count < 1 << 40 else {
      throw ApusError.input(
        "a convolution with \(walk.positions) windows of \(walk.taps) × \(channels) elements is larger than any memory")
    }
    (self.walk, self.channels, self.pixel) = (walk, channels, pixel)
    try Memory.check(count * MemoryLayout<Element>.stride)
    base = .allocate(capacity: count)
    // Padding stays zero: the same elements are written for every image.
    base.initialize(repeating: .zero, count: count)
  }

  deinit { base.deallocate() }

  func filled(from image: UnsafePointer<Element>) -> UnsafePointer<Element> {
    walk.visit { place, tap, element in
      (base + (place * walk.taps + tap) * channels).update(from: image + element * pixel, count: channels)
    }
    return UnsafePointer(base)
  }

  /// Adds each row's elements at the positions that `filled` reads.
  func add(to image: UnsafeMutablePointer<Element>) {
    walk.visit { place, tap, element in
      let source = base + (place * walk.taps + tap) * channels
      let target = image + element * pixel
      for c in 0..<channels { target[c] = .sum(target[c], source[c]) }
    }
  }
}
