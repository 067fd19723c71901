"""What stands on a picture."""

from typing import cast

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.text import Text

from qst.analysis.plots import Picture


def texts(picture: Picture) -> list[Text]:
    return cast("list[Text]", picture.figure.findobj(Text))


def words(picture: Picture) -> str:
    """Every text on a picture."""
    return "\n".join(text.get_text() for text in texts(picture))


def xs(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_ydata())]
