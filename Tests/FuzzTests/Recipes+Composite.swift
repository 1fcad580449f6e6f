import Apus
import ApusOperators

extension RecipeBook {
  static let composite = [
    Recipe(ApusOperators.Softmax.self, weight: 4) { maker in
      let x = try maker.float(rank: 1...4)
      return try maker.append(ApusOperators.Softmax(axis: maker.axis(of: x)), [x])
    },
    Recipe(LogSoftmax.self, weight: 3) { maker in
      let x = try maker.float(rank: 1...4)
      var op = LogSoftmax()
      op.axis = maker.axis(of: x)
      return try maker.append(op, [x])
    },
    Recipe(ApusOperators.Dropout.self) { maker in
      [try maker.float().dropout(rate: maker.random.pick([0, 0.3, 0.5, 1]), seed: maker.random.next() >> 40)]
    },
    Recipe(WhileTraining.self) { maker in
      let x = try maker.float()
      return [try (x * 2).whileTraining(otherwise: x)]
    },
    Recipe(TrainingStep.self, weight: 1) { maker in [try maker.float().builder.trainingStep()] },
    Recipe(Mean.self, weight: 3) { maker in
      let x = try maker.float()
      return [try x.mean(axes: maker.axes(of: x), keepDims: maker.random.chance(40))]
    },
    Recipe(Variance.self) { maker in
      let x = try maker.float()
      return [try x.variance(axes: maker.axes(of: x), keepDims: maker.random.chance(40))]
    },
    Recipe(L2Norm.self) { maker in
      let x = try maker.float()
      var op = L2Norm()
      (op.axes, op.keepDims) = (maker.axes(of: x), maker.random.chance(40))
      return try maker.append(op, [x])
    },
    Recipe(LayerNorm.self) { maker in
      let (x, axis, vector) = try maker.channels()
      return [try x.layerNorm(scale: maker.fitting(vector), offset: maker.fitting(vector), axis: axis)]
    },
    Recipe(BatchNormInference.self) { maker in
      let (x, axis, vector) = try maker.channels()
      return [
        try x.batchNormInference(
          scale: maker.fitting(vector), offset: maker.fitting(vector), mean: maker.fitting(vector),
          variance: maker.fitting(vector).square(), axis: axis)
      ]
    },
    Recipe(BatchNormTraining.self) { maker in
      let (x, axis, vector) = try maker.channels()
      let found = try x.batchNormTraining(scale: maker.fitting(vector), offset: maker.fitting(vector), axis: axis)
      return [found.mean, found.variance, found.y]
    },
    Recipe(BatchNorm.self) { maker in
      guard maker.depth == 0 else { return nil }
      let (x, axis, vector) = try maker.channels()
      // Variables of its own: it updates them.
      let (mean, variance) = (try maker.state(vector), try maker.state(vector))
      return [
        try x.batchNorm(
          scale: maker.fitting(vector), offset: maker.fitting(vector), movingMean: mean, movingVariance: variance,
          momentum: 0.9, axis: axis)
      ]
    },
    loss(MeanSquaredError.self) { _ in MeanSquaredError() }, loss(MeanAbsoluteError.self) { _ in MeanAbsoluteError() },
    loss(Huber.self) { maker in
      var op = Huber()
      op.delta = maker.random.pick([1, 0.25])
      return op
    },
    loss(BinaryCrossEntropy.self) { maker in
      var op = BinaryCrossEntropy()
      (op.fromLogits, op.labelSmoothing) = (maker.random.chance(50), maker.random.pick([0, 0, 0.1]))
      return op
    },
    loss(CategoricalCrossEntropy.self) { maker in
      var op = CategoricalCrossEntropy()
      (op.fromLogits, op.labelSmoothing) = (maker.random.chance(50), maker.random.pick([0, 0, 0.1]))
      return op
    },
    Recipe(SparseCategoricalCrossEntropy.self, weight: 3) { maker in
      let x = try maker.float(rank: 1...4)
      guard let classes = maker.numbers(x).last, classes > 0 else { return nil }
      let labels = try maker.indices(Shape(Array(x.shape.dims.dropLast())), below: classes, countsFromEnd: false)
      return [try x.sparseCategoricalCrossEntropy(labels: labels, fromLogits: maker.random.chance(60))]
    },
  ]

  private static func loss(_ type: any Operator.Type, _ op: @escaping @Sendable (GraphMaker) -> any Operator) -> Recipe
  {
    Recipe(type) { maker in
      let x = try maker.float(rank: 1...4)
      let target = try maker.fitting(TensorType(maker.random.chance(60) ? x.dtype : maker.dtype(), x.shape))
      return try maker.append(op(maker), [target, maker.random.chance(30) ? x.sigmoid() : x])
    }
  }

  /// What passes and nests look for, with the odd thing in the way.
  static let patterns = [
    Recipe(pattern: "dense layer", weight: 6) { maker in
      let x = try maker.some(DTypeSet([.f32]), rank: 2...3)
      let (k, n) = (maker.numbers(x)[x.rank - 1], maker.random.pick(maker.sizes))
      guard maker.isCheap(maker.numbers(x) + [n]) else { return nil }
      let y =
        try x.matmul(maker.fitting(TensorType(.f32, Shape([k, n])))) + maker.fitting(TensorType(.f32, Shape([n])))
      switch maker.random.int(0...4) {
      case 0: return [try y.relu()]
      case 1: return [try y.tanh() * maker.partner(y)]
      case 2: return [y, try y.softmax()]
      case 3: return [try y.sum(axes: [-1], keepDims: true) / (y.abs() + 1)]
      default: return [try (y + maker.partner(y)).sigmoid()]
      }
    },
    Recipe(pattern: "root division", weight: 2) { maker in
      let x = try maker.float()
      return [try x / (maker.partner(x).square() + 1e-3).sqrt()]
    },
    Recipe(pattern: "centered", weight: 3) { maker in
      let x = try maker.float(rank: 1...4)
      let axis = maker.axis(of: x)
      return [
        try x - (maker.random.chance(50) ? x.max(axes: [axis], keepDims: true) : x.mean(axes: [axis], keepDims: true))
      ]
    },
    Recipe(pattern: "chosen by position", weight: 2) { maker in
      let x = try maker.float(rank: 1...3)
      guard let size = maker.numbers(x).last, size > 0 else { return nil }
      let place = try x.argMax(axis: -1)
      return [
        try maker.random.chance(50)
          ? x.takeAlongAxis(place.expandedDims(at: place.rank), axis: -1)
          : place.oneHot(depth: size, dtype: x.dtype) * x
      ]
    },
    Recipe(pattern: "gates", weight: 3) { maker in
      let x = try maker.some(DTypeSet([.f32]), rank: 1...3)
      let axis = x.rank - 1
      let n = maker.numbers(x)[axis]
      guard n > 0 else { return nil }
      let cut = maker.random.int(0...n)
      let (a, b) = (try x.sliced(axis: axis, from: 0, to: cut), try x.sliced(axis: axis, from: cut, to: n))
      let joined = try concatenate([maker.random.chance(50) ? a.tanh() : a, b.sigmoid()], axis: axis)
      return [joined, try joined * x]
    },
    Recipe(pattern: "normal by hand", weight: 2) { maker in
      let x = try maker.float(rank: 1...3)
      let centered = try x - x.mean(axes: [-1], keepDims: true)
      return [try centered * (centered.square().mean(axes: [-1], keepDims: true) + 1e-3).rsqrt()]
    },
    Recipe(pattern: "view of a view", weight: 4) { maker in
      var x = try maker.some(.any, rank: 2...4)
      for _ in 0..<3 {
        switch maker.random.int(0...2) {
        case 0: x = try x.transposed(Array(0..<x.rank).shuffled(using: &maker.random))
        case 1: x = try x.reversed(axes: [maker.random.int(0...(x.rank - 1))])
        default:
          let axis = maker.random.int(0...(x.rank - 1))
          let n = maker.numbers(x)[axis]
          x = try x.sliced(axis: axis, from: n / 3, to: n)
        }
      }
      return [x]
    },
    Recipe(pattern: "long chain", weight: 2) { maker in
      var x = try maker.float()
      for _ in 0..<maker.random.int(5...15) {
        switch maker.random.int(0...5) {
        case 0: x = try x.tanh()
        case 1: x = try x + maker.partner(x)
        case 2: x = try x * 0.5
        case 3: x = try x.maximum(maker.partner(x))
        case 4: x = try x.greater(0).select(x, x.sin())
        default: x = try (x.abs() + 1).log()
        }
        guard x.shape.elementCount ?? 0 <= maker.limit else { return [x] }
      }
      return [x]
    },
  ]
}

extension GraphMaker {
  /// A value, an axis of it and the type of a vector along the axis.
  fileprivate func channels() throws -> (Value, Int, TensorType) {
    let x = try float(rank: 1...4)
    let axis = axis(of: x)
    return (x, axis, TensorType(x.dtype, [x.shape[axis < 0 ? axis + x.rank : axis]]))
  }

  /// A variable that nothing else updates.
  fileprivate func state(_ type: TensorType) throws -> Value {
    nextState += 1
    return try builder.variable("state\(nextState)", type.dtype, type.shape, .zeros, trainable: false)
  }
}
