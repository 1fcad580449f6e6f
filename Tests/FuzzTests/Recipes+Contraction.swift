import Apus
import ApusOperators

extension RecipeBook {
  static let contraction = [
    Recipe(Matmul.self, weight: 10, isExplosive: true) { maker in
      let a = try maker.some(maker.random.chance(85) ? .floating : .numeric, rank: 2...4)
      let (transposeA, transposeB) = (maker.random.chance(30), maker.random.chance(40))
      let dims = maker.numbers(a)
      let k = dims[transposeA ? a.rank - 2 : a.rank - 1]
      let n = maker.random.pick(maker.sizes + [1, 3])
      var leading = Array(dims.dropLast(2))
      for axis in leading.indices where maker.random.chance(30) { leading[axis] = 1 }
      if maker.random.chance(50) { leading = [] }
      let b = try maker.fitting(TensorType(a.dtype, Shape(leading + (transposeB ? [n, k] : [k, n]))))
      guard maker.isCheap([dims.reduce(1, *), n, leading.reduce(1, *)]) else { return nil }
      return [try a.matmul(b, transposeA: transposeA, transposeB: transposeB)]
    },
    Recipe(DotGeneral.self, weight: 3, isExplosive: true) { maker in
      let a = try maker.some(maker.random.chance(85) ? .floating : .numeric, rank: 1...4)
      let order = Array(0..<a.rank).shuffled(using: &maker.random)
      let batch = Array(order.prefix(maker.random.int(0...min(1, a.rank - 1))))
      let contracting = Array(order.dropFirst(batch.count).prefix(maker.random.int(0...2)))
      let dims = maker.numbers(a)
      // b's axes: batch, contracting and one of its own, in any order.
      var roles = batch.map { ($0, dims[$0]) } + contracting.map { ($0, dims[$0]) }
      if maker.random.chance(70) { roles.append((-1, maker.random.pick(maker.sizes))) }
      roles.shuffle(using: &maker.random)
      guard maker.isCheap(dims + roles.filter { $0.0 < 0 }.map(\.1)) else { return nil }
      let b = try maker.fitting(TensorType(a.dtype, Shape(roles.map(\.1))))
      func place(_ axis: Int) -> Int { roles.firstIndex { $0.0 == axis } ?? 0 }
      return [
        try a.dotGeneral(
          b, contractingA: contracting, contractingB: contracting.map(place), batchA: batch, batchB: batch.map(place))
      ]
    },
    Recipe(Convolution.self, weight: 4, isExplosive: true) { maker in
      guard let setting = try ConvolutionSetting(maker) else { return nil }
      let y = try maker.append(
        setting.op, [maker.fitting(setting.x), maker.fitting(setting.w)])[0]
      guard y.dtype.isFloating, maker.random.chance(50), let channels = y.shape.dims.last else { return [y] }
      let bias = try maker.fitting(TensorType(y.dtype, [channels]))
      return [y, try maker.random.chance(50) ? (y + bias).relu() : y * bias + bias]
    },
    Recipe(ConvolutionInputGradient.self, isExplosive: true) { maker in
      guard let setting = try ConvolutionSetting(maker) else { return nil }
      var op = ConvolutionInputGradient()
      (op.settings, op.shape) = (setting.op.settings, setting.x.shape)
      return try maker.append(op, [maker.fitting(setting.y), maker.fitting(setting.w)])
    },
    Recipe(ConvolutionFilterGradient.self, isExplosive: true) { maker in
      guard let setting = try ConvolutionSetting(maker) else { return nil }
      var op = ConvolutionFilterGradient()
      (op.settings, op.shape) = (setting.op.settings, setting.w.shape)
      return try maker.append(op, [maker.fitting(setting.x), maker.fitting(setting.y)])
    },
    Recipe(WinogradTransform.self, isExplosive: true) { maker in
      guard let (op, shape) = try maker.winograd() else { return nil }
      return try maker.append(op, [maker.fitting(TensorType(maker.random.pick([.f32, .f32, .f64]), shape))])
    },
    Recipe(WinogradTranspose.self, isExplosive: true) { maker in
      guard let (transform, shape) = try maker.winograd() else { return nil }
      let dtype = maker.random.pick([DType.f32, .f32, .f64])
      var op = WinogradTranspose()
      (op.settings, op.shape) = (transform.settings, shape)
      let y = try maker.append(op, [maker.fitting(transform.resultTypes([TensorType(dtype, shape)], [])[0])])[0]
      guard maker.random.chance(50), let channels = y.shape.dims.last else { return [y] }
      return [try (y + maker.fitting(TensorType(dtype, [channels]))).relu()]
    },
  ]

  static let window = [
    Recipe(WinogradConvolution.self, isExplosive: true) { maker in
      guard let (transform, shape) = try maker.winograd(.data), let inputs = shape.dims.last else { return nil }
      var op = WinogradConvolution()
      (op.tile, op.padding) = (transform.tile, transform.padding)
      let dtype = maker.random.pick([DType.f32, .f32, .f64])
      let outputs = maker.random.pick([1, 3, 16, 17])
      let w = Shape([3, 3, inputs, .number(outputs)])
      let y = try op.resultTypes([TensorType(dtype, shape), TensorType(dtype, w)], [])[0]
      guard maker.isCheap([y.shape.elementCount ?? 0, 9, inputs.number ?? 1]) else { return nil }
      let value = try maker.append(
        op, [maker.fitting(TensorType(dtype, shape)), maker.fitting(TensorType(dtype, w))])[0]
      guard maker.random.chance(50) else { return [value] }
      return [try (value + maker.fitting(TensorType(dtype, [.number(outputs)]))).relu()]
    },
    Recipe(WinogradFilterGradient.self, isExplosive: true) { maker in
      guard let (transform, shape) = try maker.winograd(.data), let inputs = shape.dims.last else { return nil }
      let dtype = maker.random.pick([DType.f32, .f32, .f64])
      let w = Shape([3, 3, inputs, .number(maker.random.pick([1, 3, 16, 17]))])
      var (forward, op) = (WinogradConvolution(), WinogradFilterGradient())
      (forward.tile, forward.padding) = (transform.tile, transform.padding)
      (op.tile, op.padding, op.shape) = (transform.tile, transform.padding, w)
      let x = TensorType(dtype, shape)
      let g = try forward.resultTypes([x, TensorType(dtype, w)], [])[0]
      guard maker.isCheap([g.shape.elementCount ?? 0, 9, inputs.number ?? 1]) else { return nil }
      let value = try maker.append(op, [maker.fitting(x), maker.fitting(g)])[0]
      guard maker.random.chance(50) else { return [value] }
      return [try maker.fitting(value.type) - value * value.scalar(0.125)]
    },
    windowed(ReduceWindowMax.self), windowed(ReduceWindowMin.self), windowed(ReduceWindowSum.self, isExplosive: true),
    windowed(MaxPool.self), windowed(MinPool.self), windowed(AveragePool.self),
    Recipe(WindowSumGradient.self, isExplosive: true) { maker in
      let (settings, x) = try maker.windowOver(.numeric)
      var (sum, op) = (ReduceWindowSum(), WindowSumGradient())
      (sum.settings, op.settings, op.shape) = (settings, settings, x.shape)
      return try maker.append(op, [maker.fitting(sum.resultTypes([x.type], [])[0])])
    },
    Recipe(WindowSelect.self) { maker in
      let (settings, x) = try maker.windowOver(.numeric)
      var op = WindowSelect()
      (op.settings, op.kind) = (settings, maker.random.pick(WindowExtremum.allCases))
      return try maker.append(op, [x, maker.fitting(x.type)])
    },
    Recipe(WindowScatter.self) { maker in
      let (settings, x) = try maker.windowOver(.numeric)
      var (sum, op) = (ReduceWindowSum(), WindowScatter())
      (sum.settings, op.settings, op.kind) = (settings, settings, maker.random.pick(WindowExtremum.allCases))
      return try maker.append(op, [x, maker.fitting(sum.resultTypes([x.type], [])[0])])
    },
    Recipe(GlobalMaxPool.self) { maker in
      [try maker.some(.numeric, rank: 3...5).globalMaxPool(keepDims: maker.random.chance(50))]
    },
    Recipe(GlobalAveragePool.self) { maker in
      [try maker.float(rank: 3...5).globalAveragePool(keepDims: maker.random.chance(50))]
    },
  ]

  private static func windowed<Window: WindowOperator>(_ type: Window.Type, isExplosive: Bool = false) -> Recipe {
    Recipe(type, isExplosive: isExplosive) { maker in
      let (settings, x) = try maker.windowOver(type.record.operands[0].dtypes)
      var op = Window()
      op.settings = settings
      return try maker.append(op, [x])
    }
  }
}

/// A convolution with the types of its operands and its result.
private struct ConvolutionSetting {
  var op = Convolution()
  var x, w, y: TensorType

  init?(_ maker: GraphMaker) throws {
    let dtype = maker.random.chance(85) ? maker.random.pick([.f32, .f32, .f64]) : maker.dtype(.integer)
    let rank = maker.random.pick([1, 2, 2, 3])
    op.groups = maker.random.pick([1, 1, 1, 2, 3])
    let channels = maker.random.pick([1, 2, 3, 5, 8, 16, 17]) * op.groups
    let outputs = maker.random.pick([1, 2, 4, 7, 15, 16, 17, 33]) * op.groups
    let most = [30, 11, 6][rank - 1]
    var spatial: [Int] = []
    var kernel: [Int] = []
    for _ in 0..<rank {
      spatial.append(maker.random.int(1...most))
      kernel.append(maker.random.pick([1, 2, 3, 3, 5]))
    }
    if maker.random.chance(60) { op.strides = (0..<rank).map { _ in maker.random.pick([1, 1, 2, 3]) } }
    if maker.random.chance(30) { op.dilation = (0..<rank).map { _ in maker.random.pick([1, 2]) } }
    op.padding = maker.padding(rank)
    if op.padding == .valid {
      for axis in spatial.indices {
        spatial[axis] += (kernel[axis] - 1) * (op.dilation.isEmpty ? 1 : op.dilation[axis])
      }
    }
    x = TensorType(dtype, Shape([maker.random.pick([1, 1, 2, 3])] + spatial + [channels]))
    w = TensorType(dtype, Shape(kernel + [channels / op.groups, outputs]))
    guard let result = try? op.resultTypes([x, w], []) else { return nil }
    y = result[0]
    guard maker.isCheap([op.flopCount([x, w], [y], [])]), y.shape.elementCount ?? 0 <= 4 * maker.limit,
      x.shape.elementCount ?? 0 <= 4 * maker.limit
    else { return nil }
  }
}

extension GraphMaker {
  /// Whether so many multiplications may be spent on one node: the interpreter takes its time.
  func isCheap(_ factors: [Int]) -> Bool { factors.reduce(1, *) <= min(200 * limit, 1 << 28) }

  /// A transform and the shape of what it is of.
  fileprivate func winograd(_ part: WinogradPart? = nil) throws -> (WinogradTransform, Shape)? {
    var op = WinogradTransform()
    op.part = part ?? random.pick(WinogradPart.allCases)
    op.tile = random.pick([2, 4, 4, 6])
    if op.part == .data { op.padding = padding(2) }
    let channels = random.pick([1, 2, 7, 16, 17])
    let dims =
      op.part == .filter
      ? [3, 3, random.int(1...4), channels] : [random.int(1...2), random.int(1...9), random.int(1...9), channels]
    let shape = Shape(dims)
    guard let result = try? op.resultTypes([TensorType(.f32, shape)], []),
      result[0].shape.elementCount ?? 0 <= 8 * limit
    else { return nil }
    return (op, shape)
  }

  fileprivate func padding(_ rank: Int) -> Padding {
    switch random.int(0...3) {
    case 0: .same
    case 1: .explicit((0..<rank).map { _ in [random.int(0...2), random.int(0...2)] })
    default: .valid
    }
  }

  /// A window and what it moves over.
  fileprivate func windowOver(_ dtypes: DTypeSet) throws -> (WindowSettings, Value) {
    var x = try some(dtypes, rank: 3...5)
    if numbers(x).contains(where: { $0 > 40 }) || random.chance(40) {
      let rank = random.int(1...2)
      let dims = [random.int(1...2)] + (0..<rank).map { _ in random.int(1...12) } + [random.pick([1, 3, 8, 17])]
      x = try fitting(TensorType(x.dtype, Shape(dims)))
    }
    var settings = WindowSettings()
    settings.padding = padding(x.rank - 2)
    for n in numbers(x)[1..<(x.rank - 1)] {
      let window = random.pick([1, 2, 2, 3, 4])
      settings.window.append(settings.padding == .same ? window : max(1, min(window, n)))
    }
    if random.chance(60) { settings.strides = settings.window.map { _ in random.pick([1, 2, 3]) } }
    if settings.padding == .same, random.chance(40) {
      settings.dilation = settings.window.map { _ in random.pick([1, 2]) }
    }
    return (settings, x)
  }
}
