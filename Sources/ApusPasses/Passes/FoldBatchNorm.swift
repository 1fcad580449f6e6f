import ApusCore
import ApusGraph
import ApusOperators
