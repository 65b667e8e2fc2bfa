"""`python -m fleetwire.spec [FOLDER]`: writes the files into a copy of the repository, by default into this one."""

import sys
from pathlib import Path

from fleetwire.spec import write

write(Path(sys.argv[1]) if sys.argv[1:] else Path())
