import ApusCore
import ApusGraph
import ApusOperators

/// Why a value and a node that reads it are not computed in one nest.
enum FusionObstacle: Error, Hashable {
  /// A nest would have more nodes than allowed.
  case size(Int)
  /// The consumer's shape is not that of the producer's nest.
  case domain(nest: Shape, consumer: Shape)
  /// Reductions over different axes.
  case axes(nest: [Int], consumer: [Int])
  /// Both nests are built around a contraction or a window.
  case anotherHead
  /// A nest that is built around a contraction or a window has no reductions.
  case reductionAfterHead
  /// The consumer reads each element many times: in one nest it would be computed many times.
  case recomputation(String)
  /// Through other nodes the nest would depend on itself.
  case path
  /// A fold of very many elements into few is divided among workers in another way than its elements.
  case largeFold
  /// The value is read with its axes at other places of the domain than those at which it is computed.
  case alignment
  /// The consumer is computed where its result is read: all its operands are read there, too.
  case moved
  /// An operator that is a kernel of its own, with several results, or with a region.
  case alone(String)
}

extension FusionObstacle: CustomStringConvertible {
  var description: String {
    switch self {
    case .size(let size): "the nest would have more than \(size) nodes (option size)"
    case .domain(let nest, let consumer): "the nest runs over \(nest), the result has the shape \(consumer)"
    case .axes(let nest, let consumer): "the nest folds the axes \(nest), the reduction the axes \(consumer)"
    case .anotherHead: "both have a contraction or a window, and a nest is built around one"
    case .reductionAfterHead: "a nest with a contraction or a window has no reduction"
    case .recomputation(let name): "\(name) reads each element several times, and each time it would be computed again"
    case .path: "another node depends on the one and the other on it: the nest would depend on itself"
    case .largeFold: "folding so many elements into so few is divided among workers in another way"
    case .alignment: "its axes are at other places of the domain where it is read than where it is computed"
    case .moved: "the nest that reads the result reads all that it is computed from, too"
    case .alone(let name): "\(name) is a kernel of its own"
    }
  }
}
