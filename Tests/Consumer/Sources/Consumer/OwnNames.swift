import Apus

// A program has types of its own that are called like operators of Apus, and like layers.

struct Add { var left = 1, right = 2 }
struct Convolution { var size = 3 }
struct Select { var row = 0 }
struct Constant { var value = 1.5 }

/// A graph is built without the operators' types: by methods, signs and plain types.
func ownNames() throws -> Graph {
  let builder = GraphBuilder("own")
  let x = try builder.parameter("x", .f32, ["batch", Dim.number(Convolution().size)])
  let sum = try x * Constant().value + Double(Add().left + Add().right)
  return try builder.build([concatenate([sum, x.relu()], axis: -1 - Select().row)])
}
