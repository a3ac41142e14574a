r"""The peak that the rows with matrix products are measured against: that of the matrix kernel itself."""


def flops_per_second() -> float | None:
    """Of one thread, float32; None while there is no such kernel."""
    return None
