"""What rate a ramp really had."""

import math
from collections.abc import Sequence

#: Slopes are taken over pieces of this part of the ramp, at least MIN_PIECE_S long (our choice).
PIECE_FRACTION = 0.05
MIN_PIECE_S = 0.1
#: Part of the ramp, in its middle, over which the spread of the slopes is taken (pressure algometry practice).
MIDDLE = 0.8


def achieved_rate(samples: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Mean rate over a ramp (least squares) and the standard deviation of its slope in the middle 80 %.

    Args:
        samples: (time s, value °C or kPa) from contact or start to the end of the ramp.

    Returns:
        Mean and SD in value per s, as magnitudes; None where there are too few samples.
    """
    if len(samples) < 2 or samples[-1][0] <= samples[0][0]:  # noqa: PLR2004 - a slope needs two points
        return None, None
    slopes = _slopes(samples, samples[0][0], samples[-1][0])
    mean = abs(_least_squares_slope(samples))
    if len(slopes) < 2:  # noqa: PLR2004 - a spread needs two slopes
        return mean, None
    centre = sum(slopes) / len(slopes)
    return mean, math.sqrt(sum((slope - centre) ** 2 for slope in slopes) / (len(slopes) - 1))


def _least_squares_slope(samples: Sequence[tuple[float, float]]) -> float:
    """Slope of the straight line through all samples: one noisy reading at an end does not move it."""
    mean_s = math.fsum(time_s for time_s, _ in samples) / len(samples)
    mean = math.fsum(value for _, value in samples) / len(samples)
    covariance = math.fsum((time_s - mean_s) * (value - mean) for time_s, value in samples)
    return covariance / math.fsum((time_s - mean_s) ** 2 for time_s, _ in samples)


def _slopes(samples: Sequence[tuple[float, float]], first_s: float, last_s: float) -> list[float]:
    """Slopes over consecutive pieces inside the middle of the ramp."""
    duration_s = last_s - first_s
    piece_s = max(MIN_PIECE_S, PIECE_FRACTION * duration_s)
    margin_s = (1 - MIDDLE) / 2 * duration_s
    middle = [s for s in samples if first_s + margin_s <= s[0] <= last_s - margin_s]
    slopes = []
    anchor = middle[0] if middle else None
    for time_s, value in middle[1:]:
        if anchor is not None and time_s - anchor[0] >= piece_s - 1e-9:
            slopes.append((value - anchor[1]) / (time_s - anchor[0]))
            anchor = (time_s, value)
    return slopes
