import Apus
import ApusOperators

extension RecipeBook {
  static let shape = [
    Recipe(ApusOperators.Reshape.self, weight: 5) { maker in
      let x = try maker.some(.any)
      var dims = maker.numbers(x)
      for _ in 0..<2 {
        switch maker.random.int(0...3) {
        case 0 where dims.count > 1:
          let axis = maker.random.int(0...(dims.count - 2))
          dims.replaceSubrange(axis...(axis + 1), with: [dims[axis] * dims[axis + 1]])
        case 1 where dims.count < 5: dims.insert(1, at: maker.random.int(0...dims.count))
        case 2 where !dims.isEmpty && dims.count < 5:
          let axis = maker.random.int(0...(dims.count - 1))
          let divisors = (2...7).filter { dims[axis] % $0 == 0 }
          guard let divisor = divisors.randomElement(using: &maker.random) else { continue }
          dims.replaceSubrange(axis...axis, with: [dims[axis] / divisor, divisor])
        default: if let one = dims.firstIndex(of: 1) { dims.remove(at: one) }
        }
      }
      return try maker.append(ApusOperators.Reshape(Shape(dims)), [x])
    },
    Recipe(Transpose.self, weight: 6) { maker in
      let x = try maker.some(.any, rank: 0...5)
      return try maker.append(Transpose(Array(0..<x.rank).shuffled(using: &maker.random)), [x])
    },
    Recipe(Broadcast.self, weight: 3) { maker in
      let x = try maker.some(.any)
      var dims = maker.numbers(x).map { n in
        n == 1 && maker.random.chance(60) ? maker.random.pick(maker.sizes) : n
      }
      if dims.count < 4, maker.random.chance(60) { dims.insert(maker.random.pick(maker.sizes), at: 0) }
      guard Shape.elementCount(dims) ?? .max <= maker.limit else { return try maker.append(Broadcast(x.shape), [x]) }
      return try maker.append(Broadcast(Shape(dims)), [x])
    },
    Recipe(Slice.self, weight: 6) { maker in
      let x = try maker.some(.any, rank: 1...5)
      var op = Slice()
      for n in maker.numbers(x) {
        let isWhole = maker.random.chance(40)
        let start = isWhole ? 0 : maker.random.int(0...n)
        op.starts.append(start)
        op.limits.append(isWhole ? (maker.random.chance(50) ? Slice.end : n) : maker.random.int(start...n))
        op.strides.append(maker.random.pick([1, 1, 1, 2, 3]))
      }
      if maker.random.chance(30) { op.strides = [] }
      return try maker.append(op, [x])
    },
    Recipe(Pad.self, weight: 4) { maker in
      let x = try maker.some(.any)
      var op = Pad()
      op.low = (0..<x.rank).map { _ in maker.random.pick([0, 0, 1, 2, 5]) }
      op.high = (0..<x.rank).map { _ in maker.random.pick([0, 0, 1, 3]) }
      if maker.random.chance(40) { op.interior = (0..<x.rank).map { _ in maker.random.pick([0, 0, 1, 2]) } }
      let values: [Double] = x.dtype.isFloating ? [0, 0, 0, 1, -2.5, -.infinity, -0.0] : [0, 0, 1]
      op.value = ExactNumber(maker.random.pick(values))
      return try maker.append(op, [x])
    },
    Recipe(ApusOperators.Concatenate.self, weight: 5) { maker in
      let x = try maker.some(.any, rank: 1...5)
      let axis = maker.axis(of: x)
      var parts = [x]
      for _ in 0..<maker.random.int(0...3) {
        var dims = maker.numbers(x)
        if maker.random.chance(60) { dims[axis < 0 ? axis + x.rank : axis] = maker.random.int(0...5) }
        parts.append(try maker.fitting(TensorType(x.dtype, Shape(dims))))
      }
      return [try concatenate(parts.shuffled(using: &maker.random), axis: axis)]
    },
    Recipe(Reverse.self, weight: 3) { maker in
      let x = try maker.some(.any, rank: 1...5)
      return try maker.append(Reverse(Array(Set(maker.axes(of: x) ?? [0]).sorted())), [x])
    },
    Recipe(ControlDependency.self, weight: 2) { maker in
      try maker.append(ControlDependency(), [maker.some(.any, rank: 0...5), maker.some(.any, rank: 0...5)])
    },
    Recipe(Iota.self) { maker in
      let shape = maker.shape(rank: maker.random.int(1...3))
      let type = maker.random.pick([.i64, .i32, .f32, .f64, .u8, .i8] as [DType])
      return [try maker.builder.iota(type, shape, axis: maker.random.int(0...(shape.rank - 1)))]
    },
    Recipe(Size.self, weight: 1) { maker in
      let x = try maker.some(.any, rank: 1...5)
      return [try x.size(axis: maker.axis(of: x))]
    },
    Recipe(AddLoss.self, weight: 1) { maker in
      let x = try maker.some(.any, rank: 0...5)
      return try maker.append(AddLoss(), [x, maker.float(rank: 0...0)])
    },
    Recipe(WithMask.self, weight: 1) { maker in
      let x = try maker.some(.any, rank: 0...5)
      return try maker.append(WithMask(), [x, x.equal(x)])
    },
  ]

  static let reduction = [
    reduce(ReduceSum.self, weight: 8), reduce(ReduceProduct.self, isExplosive: true), reduce(ReduceMax.self, weight: 5),
    reduce(ReduceMin.self), reduce(ReduceAny.self), reduce(ReduceAll.self), argument(ArgMax.self),
    argument(ArgMin.self),
    Recipe(CumulativeSum.self) { maker in
      let x = try maker.some(.numeric, rank: 1...5)
      return [
        try x.cumulativeSum(
          axis: maker.axis(of: x), reverse: maker.random.chance(50), exclusive: maker.random.chance(50))
      ]
    },
  ]

  private static func reduce<Reduction: ReductionOperator>(
    _ type: Reduction.Type, weight: Int = 2, isExplosive: Bool = false
  ) -> Recipe {
    Recipe(type, weight: weight, isExplosive: isExplosive) { maker in
      let x = try maker.some(type.record.operands[0].dtypes)
      return try maker.append(Reduction(axes: maker.axes(of: x), keepDims: maker.random.chance(40)), [x])
    }
  }

  private static func argument<Argument: ArgumentOperator>(_ type: Argument.Type) -> Recipe {
    Recipe(type) { maker in
      let x = try maker.some(.numeric, rank: 1...5)
      let axis = maker.axis(of: x)
      guard maker.numbers(x)[axis < 0 ? axis + x.rank : axis] > 0 else { return nil }
      return try maker.append(Argument(axis: axis, keepDims: maker.random.chance(40)), [x])
    }
  }

  static let indexing = [
    Recipe(Gather.self, weight: 3) { maker in
      let x = try maker.some(.any, rank: 1...4)
      let axis = maker.axis(of: x)
      guard let places = try maker.places(x, axis) else { return nil }
      return [try x.gather(places, axis: axis)]
    },
    Recipe(ScatterAdd.self, weight: 3) { maker in
      let x = try maker.some(.numeric, rank: 1...4)
      let axis = maker.axis(of: x)
      guard let places = try maker.places(x, axis) else { return nil }
      let updates = try x.gather(places, axis: axis).type
      return [try x.scatterAdd(places, maker.fitting(updates), axis: axis)]
    },
    Recipe(TakeAlongAxis.self, weight: 3) { maker in
      let x = try maker.some(.any, rank: 1...4)
      let axis = maker.axis(of: x)
      guard let places = try maker.alignedPlaces(x, axis) else { return nil }
      return [try x.takeAlongAxis(places, axis: axis)]
    },
    Recipe(PutAlongAxisAdd.self) { maker in
      let x = try maker.some(.numeric, rank: 1...4)
      let axis = maker.axis(of: x)
      guard let places = try maker.alignedPlaces(x, axis) else { return nil }
      return [try x.putAlongAxisAdd(places, maker.fitting(x.type.with(shape: places.shape)), axis: axis)]
    },
    Recipe(Sort.self) { maker in
      let x = try maker.some(.comparable, rank: 1...4)
      return [try x.sorted(axis: maker.axis(of: x), descending: maker.random.chance(50))]
    },
    Recipe(ArgSort.self) { maker in
      let x = try maker.some(.comparable, rank: 1...4)
      return [try x.argSort(axis: maker.axis(of: x), descending: maker.random.chance(50))]
    },
    Recipe(TopK.self) { maker in
      let x = try maker.some(.comparable, rank: 1...4)
      let found = try x.topK(maker.random.int(0...(maker.numbers(x).last ?? 0)))
      return [found.indices, found.values]
    },
    Recipe(OneHot.self) { maker in
      let depth = maker.random.int(1...12)
      let labels = try maker.indices(maker.shape(rank: maker.random.int(0...2)), below: depth, countsFromEnd: false)
      return [try labels.oneHot(depth: depth, dtype: maker.dtype(.any))]
    },
  ]
}

extension GraphMaker {
  /// Positions along an axis of `x`, of a shape that replaces the axis; nil if there are none.
  fileprivate func places(_ x: Value, _ axis: Int) throws -> Value? {
    let size = numbers(x)[axis < 0 ? axis + x.rank : axis]
    let others = (x.shape.elementCount ?? 0) / max(size, 1)
    let shape = shape(rank: random.int(0...2))
    guard size > 0, (shape.elementCount ?? 0) * others <= limit else { return nil }
    return try indices(shape, below: size, countsFromEnd: true)
  }

  /// Positions along an axis, of the shape of `x` but for the axis.
  fileprivate func alignedPlaces(_ x: Value, _ axis: Int) throws -> Value? {
    let position = axis < 0 ? axis + x.rank : axis
    var dims = numbers(x)
    guard dims[position] > 0 else { return nil }
    let size = dims[position]
    dims[position] = random.pick([1, 1, 2, size, 5])
    return try indices(Shape(dims), below: size, countsFromEnd: true)
  }
}
