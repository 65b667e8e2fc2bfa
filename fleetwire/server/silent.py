"""A logger that says nothing, for libraries that would log what peers send: tokens may be among it."""

import logging

silent = logging.Logger("fleetwire.silent", logging.CRITICAL + 1)
silent.addHandler(logging.NullHandler())
silent.propagate = False
