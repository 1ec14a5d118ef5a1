"""Number of threads of the BLAS libraries that numpy calls.

A product of small matrices gains nothing from threads and, on a busy machine, waits for them: 17 times longer a note
(design notes, "Cost"). Results also depend on the number of threads in their last bits. So every process sets it:
`pipeline/__init__.py` to 1, training to `train.num_threads`.
"""

import os
import sys

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Environment variables that BLAS libraries read once, when they are loaded."""
OVERRIDDEN = {name: os.environ[name] for name in VARIABLES if os.environ.get(name, "1") != "1"}
"""Values that the user had set and this process overrides; `doctor` lists them."""


def set_blas_threads(count: int) -> None:
    """Set the number of BLAS threads of this process and of those it starts.

    Works before numpy is imported, through the environment, and after, through threadpoolctl.
    """
    for name in VARIABLES:
        os.environ[name] = str(count)
    if "numpy" in sys.modules:
        import threadpoolctl

        threadpoolctl.threadpool_limits(count)


def read_blas_threads() -> int:
    """Return the largest number of threads that a BLAS library loaded by this process uses; 1 where none is loaded."""
    import threadpoolctl

    return max((library["num_threads"] for library in threadpoolctl.threadpool_info()), default=1)
