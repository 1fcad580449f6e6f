import Apus
