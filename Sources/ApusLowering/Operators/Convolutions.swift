import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension KernelBuilder {
  /// a · b + c: rounded once for floats, wrapping for integers.
  func accumulate(_ a: Register, _ b: Register, _ c: Register) -> Register {
    type(of: a).scalar.isFloating ? multiplyAdd(a, b, c) : binary(.add, binary(.multiply, a, b), c)
  }
}

/// Output channels of a group in vectors.
private struct GroupedChannels {
  let geometry: ConvolutionGeometry
  let vectors: ChannelVectors

  init(_ geometry: ConvolutionGeometry, _ dtype: DType, _ target: ProcessorModel) {
    self.geometry = geometry
    vectors = ChannelVectors(geometry.outputChannels / geometry.groups, dtype, target)
  }

  var inputs: Int { geometry.inputChannels / geometry.groups }
  var outputs: Int { geometry.outputChannels / geometry.groups }
  var taps: Int { geometry.window.taps }
}

extension Convolution: Lowerable {
  /// Directly: each vector of output channels sums over taps and input channels.
  public func lower(_ node: NodeLowering) throws {
    let (x, w, y) = (node.operands[0], node.operands[1], node.results[0])
    guard y.count > 0 else { return }
    let geometry = try geometry(x: Shape(x.dimensions), w: Shape(w.dimensions))
    let channels = GroupedChannels(geometry, x.dtype, node.target)
    let (vectors, lanes) = (channels.vectors, channels.vectors.lanes)
    let positions = Array(y.dimensions.dropLast()) + [geometry.groups, vectors.count]
    node.forEachPosition("convolution", of: positions, work: 2 * channels.taps * channels.inputs * lanes) { scope in
      let b = scope.builder
      let (image, kernel, to) = (scope.read(x), scope.read(w), scope.write(y))
      return { at in
        let (place, group) = (Array(at.dropLast(2)), at[at.count - 2])
        let (first, mask) = vectors.place(at[at.count - 1], b)
        let output = b.add(b.multiply(group, channels.outputs), first)
        let input = b.multiply(group, channels.inputs)
        let sum = b.covered(
          geometry.window.axes, Array(place.dropFirst()), inside: [SweepLoop(size: channels.inputs)],
          carrying: [b.emptySum(x.dtype, lanes: lanes)]
        ) { element, tap, inner, sums in
          let left = image.load([place[0]] + element + [b.add(input, inner[0])])
          let right = kernel.load(tap + [inner[0], output], lanes: lanes, mask: mask)
          return [b.accumulate(b.splat(left, lanes: lanes), right, sums[0])]
        }
        to.store(place + [output], sum[0], mask: mask)
      }
    }
  }
}

extension ConvolutionInputGradient: Lowerable {
  /// Each input channel sums over the windows that cover its element and over output channels, in lanes.
  public func lower(_ node: NodeLowering) throws {
    let (g, w, y) = (node.operands[0], node.operands[1], node.results[0])
    guard y.count > 0 else { return }
    let geometry = try geometry(x: Shape(y.dimensions), w: Shape(w.dimensions))
    if geometry.isDepthwise { return lowerDepthwise(node, geometry) }
    let channels = GroupedChannels(geometry, g.dtype, node.target)
    let (vectors, lanes) = (channels.vectors, channels.vectors.lanes)
    let positions = Array(y.dimensions.dropLast()) + [geometry.groups, channels.inputs]
    node.forEachPosition(
      "convolution_input_gradient", of: positions, work: 2 * channels.taps * channels.outputs
    ) { scope in
      let b = scope.builder
      let (cotangent, kernel, to) = (scope.read(g), scope.read(w), scope.write(y))
      return { at in
        let (place, group, channel) = (Array(at.dropLast(2)), at[at.count - 2], at[at.count - 1])
        let sum = b.covering(
          geometry.window.axes, Array(place.dropFirst()), inside: [SweepLoop(size: vectors.count)],
          carrying: [b.emptySum(g.dtype, lanes: lanes)]
        ) { window, at, sums in
          let (first, mask) = vectors.place(at[at.count - 1], b)
          let output = b.add(b.multiply(group, channels.outputs), first)
          let left = cotangent.load([place[0]] + window + [output], lanes: lanes, mask: mask)
          let right = kernel.load(Array(at.dropLast()) + [channel, output], lanes: lanes, mask: mask)
          return [b.accumulate(left, right, sums[0])]
        }
        let total = b.horizontal(sum[0]) { b.binary(.add, $0, $1) }
        to.store(place + [b.add(b.multiply(group, channels.inputs), channel)], total)
      }
    }
  }
}

extension ConvolutionFilterGradient: Lowerable {
  /// Each tap, input channel and vector of output channels sums over images and places, in order.
  public func lower(_ node: NodeLowering) throws {
    let (x, g, y) = (node.operands[0], node.operands[1], node.results[0])
    guard y.count > 0 else { return }
    let geometry = try geometry(x: Shape(x.dimensions), w: Shape(y.dimensions))
    if geometry.isDepthwise { return lowerDepthwise(node, geometry) }
    let channels = GroupedChannels(geometry, x.dtype, node.target)
    let (vectors, lanes) = (channels.vectors, channels.vectors.lanes)
    let axes = geometry.window.axes
    let places = axes.map(\.output)
    let positions = axes.map(\.window) + [channels.inputs, geometry.groups, vectors.count]
    let work = 2 * x.dimensions[0] * places.reduce(1, *) * lanes
    node.forEachPosition("convolution_filter_gradient", of: positions, work: work) { scope in
      let b = scope.builder
      let (image, cotangent, to) = (scope.read(x), scope.read(g), scope.write(y))
      return { at in
        let tap = Array(at[..<axes.count])
        let (channel, group) = (at[axes.count], at[axes.count + 1])
        let (first, mask) = vectors.place(at[axes.count + 2], b)
        let output = b.add(b.multiply(group, channels.outputs), first)
        let input = b.add(b.multiply(group, channels.inputs), channel)
        let sum = b.covered(
          axes, of: tap, running: .places, outside: [SweepLoop(size: x.dimensions[0])],
          carrying: [b.emptySum(x.dtype, lanes: lanes)]
        ) { element, at, sums in
          let left = image.load([at[0]] + element + [input])
          let right = cotangent.load(at + [output], lanes: lanes, mask: mask)
          return [b.accumulate(b.splat(left, lanes: lanes), right, sums[0])]
        }
        to.store(tap + [channel, output], sum[0], mask: mask)
      }
    }
  }
}

// MARK: Depthwise

// Where each channel is a group of its own, channels are lanes, and a vector of them is one sum over the window. The
// convolution itself is a `WindowNest`.

extension ConvolutionGeometry {
  var taps: Int { window.taps }
}

extension ConvolutionInputGradient {
  fileprivate func lowerDepthwise(_ node: NodeLowering, _ geometry: ConvolutionGeometry) {
    let (g, w, y) = (node.operands[0], node.operands[1], node.results[0])
    node.forEachChannelVector("depthwise_input_gradient", of: y.dimensions, g.dtype, work: 2 * geometry.taps) {
      scope, vectors in
      let b = scope.builder
      let (cotangent, kernel, to) = (scope.read(g), scope.read(w), scope.write(y))
      return { place, channel, mask in
        let sum = b.covering(
          geometry.window.axes, Array(place.dropFirst()), carrying: [b.emptySum(g.dtype, lanes: vectors.lanes)]
        ) { window, tap, sums in
          let left = cotangent.load([place[0]] + window + [channel], lanes: vectors.lanes, mask: mask)
          let right = kernel.load(tap + [b.index(0), channel], lanes: vectors.lanes, mask: mask)
          return [b.accumulate(left, right, sums[0])]
        }
        to.store(place + [channel], sum[0], mask: mask)
      }
    }
  }
}

extension ConvolutionFilterGradient {
  fileprivate func lowerDepthwise(_ node: NodeLowering, _ geometry: ConvolutionGeometry) {
    let (x, g, y) = (node.operands[0], node.operands[1], node.results[0])
    let axes = geometry.window.axes
    let work = 2 * axes.reduce(x.dimensions[0]) { $0 &* $1.output }
    node.forEachChannelVector("depthwise_filter_gradient", of: y.dimensions, x.dtype, work: work) { scope, vectors in
      let b = scope.builder
      let (image, cotangent, to) = (scope.read(x), scope.read(g), scope.write(y))
      return { place, channel, mask in
        let tap = Array(place.prefix(axes.count))
        let sum = b.covered(
          axes, of: tap, running: .places, outside: [SweepLoop(size: x.dimensions[0])],
          carrying: [b.emptySum(x.dtype, lanes: vectors.lanes)]
        ) { element, at, sums in
          let left = image.load([at[0]] + element + [channel], lanes: vectors.lanes, mask: mask)
          let right = cotangent.load(at + [channel], lanes: vectors.lanes, mask: mask)
          return [b.accumulate(left, right, sums[0])]
        }
        to.store(place + [channel], sum[0], mask: mask)
      }
    }
  }
}
