"""`python -m benches`: what `scripts/bench` starts."""

import sys

from benches.cli import main

sys.exit(main())
