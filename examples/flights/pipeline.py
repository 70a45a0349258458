"""Will this flight arrive late? A model from a year of departures from New York, and the weather.

A flight is late when it arrives 15 minutes or more after schedule. The question is asked when the
hour of its scheduled departure begins, so the model sees the timetable and the weather of the hour
before; the delay at departure, the real times and the time in the air are not known yet, and
never reach it. Cancelled and diverted flights have no arrival delay and are left out.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.preprocessing import OrdinalEncoder

import features
import source
from penstock import context, pipeline, step

TIMETABLE = [
    *("time_hour", "month", "day", "sched_dep_time", "sched_arr_time"),
    *("carrier", "flight", "origin", "dest", "distance"),
]
OBSERVED = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


class Split(NamedTuple):
    train: pd.DataFrame
    test: pd.DataFrame


@step
def load(table: Path) -> pd.DataFrame:
    """A table as it was published, but for its hours, which become times in UTC."""
    rows = pd.read_csv(table)
    return rows.assign(time_hour=pd.to_datetime(rows["time_hour"], utc=True))


@step
def join_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Each flight with the weather at its airport, as observed in the hour before its own."""
    known = weather[["origin", "time_hour", *OBSERVED]].drop_duplicates(["origin", "time_hour"])
    known = known.assign(time_hour=known["time_hour"] + pd.Timedelta(hours=1))
    columns = [*TIMETABLE, "arr_delay"]
    return flights[columns].merge(
        known, on=["origin", "time_hour"], how="left", validate="many_to_one"
    )


@step
def clean(rows: pd.DataFrame, late_after: int = 15) -> pd.DataFrame:
    """Flights that arrived, with the calendar as numbers, and `late` in place of the delay."""
    arrived = rows.dropna(subset=["arr_delay"]).reset_index(drop=True)
    return arrived.assign(
        weekday=arrived["time_hour"].dt.tz_convert("America/New_York").dt.day_of_week,
        departure=features.minutes(arrived["sched_dep_time"]),
        arrival=features.minutes(arrived["sched_arr_time"]),
        late=arrived["arr_delay"] >= late_after,
    ).drop(columns="arr_delay")


@step
def split(rows: pd.DataFrame, test_share: float = 0.25, seed: int = 7) -> Split:
    """Whole days go to one side: flights of one day share its storms, and would tell on each other."""
    day = rows["month"] * 100 + rows["day"]
    days = np.random.default_rng(seed).permutation(day.unique())
    held_out = day.isin(days[: round(len(days) * test_share)])
    return Split(
        train=rows[~held_out].reset_index(drop=True), test=rows[held_out].reset_index(drop=True)
    )


@step
def fit_encoder(rows: pd.DataFrame) -> OrdinalEncoder:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return encoder.fit(rows[features.WORDS])


@step
def train(
    rows: pd.DataFrame,
    encoder: OrdinalEncoder,
    trees: int = 150,
    learning_rate: float = 0.1,
    leaves: int = 31,
) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        categorical_features=features.WORDS,
        early_stopping=False,
        random_state=context().seed % 2**32,
    )
    return model.fit(features.matrix(rows, encoder), rows["late"])


@step
def hourly_rate(rows: pd.DataFrame) -> dict[int, float]:
    """How often flights of each scheduled hour were late: the simple answer that a model must beat."""
    rates = rows["late"].groupby(rows["departure"] // 60).mean()
    return dict(zip(rates.index.tolist(), rates.tolist(), strict=True))


@step
def evaluate(
    model: HistGradientBoostingClassifier,
    encoder: OrdinalEncoder,
    baseline: dict[int, float],
    rows: pd.DataFrame,
) -> dict[str, float]:
    """Scores on the days held out; all but `late_rate` and `brier` count from 0.5 or `late_rate` up to 1."""
    late = rows["late"].to_numpy()
    chance = model.predict_proba(features.matrix(rows, encoder))[:, 1]
    simple = (rows["departure"] // 60).map(baseline).fillna(np.mean(list(baseline.values())))
    scores = {
        "late_rate": float(late.mean()),
        "auc": float(roc_auc_score(late, chance)),
        "auc_by_hour": float(roc_auc_score(late, simple)),
        "average_precision": float(average_precision_score(late, chance)),
        "brier": float(brier_score_loss(late, chance)),
    }
    for name, value in scores.items():
        context().log_metric(name, value)
    return scores


@pipeline
def training(late_after: int = 15, test_share: float = 0.25, seed: int = 7) -> dict[str, float]:
    flights = load.named("load_flights")(source.table("flights.csv.zip"))
    weather = load.named("load_weather")(source.table("weather.csv"))
    rows = clean(join_weather(flights, weather), late_after=late_after)
    parts = split(rows, test_share=test_share, seed=seed)
    encoder = fit_encoder(parts.train)
    model = train(parts.train, encoder)
    return evaluate(model, encoder, hourly_rate(parts.train), parts.test)


if __name__ == "__main__":
    training.run()
