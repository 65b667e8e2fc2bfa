"""`python -m fleetwire`."""

from fleetwire.cli import main

raise SystemExit(main())
