// Graphs and their operators' methods (`x.relu()`), without the operators' own types: `Add`, `Dropout` and some 110
// others would be beside layers and a program's own types of the same names. A file that wants them says
// `import ApusOperators`, or `import ApusGraph` for `Parameter`, `Variable` and `Constant`.
//
// An import of one declaration makes the members of the whole module visible: methods need no line of their own.

@_exported import struct ApusGraph.AttributeArgument
@_exported import protocol ApusGraph.AttributeChoice
@_exported import protocol ApusGraph.AttributeConvertible
@_exported import struct ApusGraph.AttributeRecord
@_exported import enum ApusGraph.AttributeValue
@_exported import protocol ApusGraph.Backend
@_exported import struct ApusGraph.BackendPasses
@_exported import struct ApusGraph.ComparedByBits
@_exported import protocol ApusGraph.CompositeOperator
@_exported import enum ApusGraph.Constraint
@_exported import struct ApusGraph.DTypeSet
@_exported import protocol ApusGraph.DeclarationOperator
@_exported import protocol ApusGraph.Executable
@_exported import struct ApusGraph.GradientContext
@_exported import struct ApusGraph.Graph
@_exported import class ApusGraph.GraphBuilder
@_exported import enum ApusGraph.GraphFile
@_exported import struct ApusGraph.GraphRewriter
@_exported import enum ApusGraph.Identifier
@_exported import enum ApusGraph.Initializer
@_exported import enum ApusGraph.Limits
@_exported import enum ApusGraph.Mode
@_exported import protocol ApusGraph.ModeDependentOperator
@_exported import struct ApusGraph.Node
@_exported import struct ApusGraph.NodeID
@_exported import struct ApusGraph.NotDifferentiable
@_exported import struct ApusGraph.OperandRecord
@_exported import protocol ApusGraph.Operator
@_exported import struct ApusGraph.OperatorCatalog
@_exported import enum ApusGraph.OperatorFamily
@_exported import struct ApusGraph.OperatorRecord
@_exported import struct ApusGraph.OperatorTraits
@_exported import struct ApusGraph.Origin
@_exported import protocol ApusGraph.Pass
@_exported import struct ApusGraph.PassContext
@_exported import struct ApusGraph.PassOption
@_exported import struct ApusGraph.PassRecord
@_exported import struct ApusGraph.PassStatistic
@_exported import struct ApusGraph.PrintOptions
@_exported import protocol ApusGraph.RegionDifferentiator
@_exported import enum ApusGraph.Regularizer
@_exported import struct ApusGraph.Remark
@_exported import enum ApusGraph.Rewrite
@_exported import struct ApusGraph.RunResult
@_exported import protocol ApusGraph.TrainingExecutable
@_exported import struct ApusGraph.TypeError
@_exported import struct ApusGraph.Value
@_exported import struct ApusGraph.ValueID
@_exported import enum ApusGraph.VerifierRule
@_exported import struct ApusGraph.Violation
@_exported import struct ApusOperators.ConvolutionSettings
@_exported import enum ApusOperators.OperatorRegistry
@_exported import enum ApusOperators.Padding
@_exported import struct ApusOperators.WindowSettings
@_exported import func ApusOperators.concatenate
