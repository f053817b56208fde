from clavis._clavis import analysis as analysis
from clavis._clavis import core as core
from clavis._clavis import defection as defection
from clavis._clavis import ledger as ledger
from clavis._clavis import lifetime as lifetime
from clavis._clavis import loyalty as loyalty
from clavis._clavis import simulate as simulate
from clavis._clavis import statistics as statistics
from clavis._clavis import value as value

__version__: str

class InputError(ValueError): ...
class Cancelled(RuntimeError): ...
