"""What the model sees of a flight: only what is known when its scheduled hour begins."""

import pandas as pd
from sklearn.preprocessing import OrdinalEncoder

WORDS = ["carrier", "origin", "dest"]
CALENDAR = ["month", "weekday", "departure", "arrival", "distance"]
WEATHER = ["temp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def minutes(clock: pd.Series) -> pd.Series:
    """Minutes after midnight, of a clock written as a number: 1745 is 17:45."""
    return clock // 100 * 60 + clock % 100


def dew_spread(rows: pd.DataFrame) -> pd.Series:
    """Degrees Fahrenheit between the air and its dew point; near zero means fog."""
    return rows["temp"] - rows["dewp"]


def matrix(rows: pd.DataFrame, encoder: OrdinalEncoder) -> pd.DataFrame:
    """One row of numbers a flight; an unknown word is -1, a missing observation stays missing."""
    codes = pd.DataFrame(encoder.transform(rows[WORDS]), columns=WORDS, index=rows.index)
    numbers = rows[CALENDAR + WEATHER].assign(dew_spread=dew_spread(rows))
    return pd.concat([codes, numbers], axis=1).astype("float64")
