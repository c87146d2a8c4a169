"""CPython's own tests of the standard manager, those of the interpreter that runs this, on comem's.

    python -m comem tests/conformance/managers.py [-v] [-k TEXT]

All of WithManagerTest* and TestSyncManagerTypes of the interpreter's package `test`, unmodified, but for those that are
known to fail; one of these that passes fails the run, too. METHOD in the environment says how processes are started:
fork, if it says nothing. The arguments are unittest's.
"""

import inspect
import os
import sys
import unittest

from test import _test_multiprocessing

_test_multiprocessing.install_tests_in_module_dict(globals(), os.environ.get("METHOD", "fork"))
for _name in [name for name in globals() if "Test" in name]:
    if not _name.startswith("WithManagerTest") and _name != "TestSyncManagerTypes":
        del globals()[_name]

_types = globals()["TestSyncManagerTypes"]
if "type(iter([]))" in inspect.getsource(_types._test_dict):
    # Later releases want a loop over a manager's dict to be one over a list. Ours notices when this process changes the dict.
    _types.test_dict = unittest.expectedFailure(_types.test_dict)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
