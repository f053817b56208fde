"""``python -m clavis`` is the command line."""

import sys

from clavis.cli import main

sys.exit(main())
