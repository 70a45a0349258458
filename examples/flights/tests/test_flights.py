"""The steps of the flights example, called as the plain functions that they are."""

import pandas as pd
import pytest

import features
from pipeline import Split, clean, evaluate, fit_encoder, hourly_rate, join_weather, split, train
from source import table

HOUR = pd.Timestamp("2013-01-02T15:00:00Z")


def flights(days: int = 8, each: int = 40) -> pd.DataFrame:
    """A made-up timetable, in which every flight after 17:00 is late."""
    clock = [600 + 100 * (n % 16) + n % 60 for n in range(each)]
    rows = pd.DataFrame(
        {
            "month": 1,
            "day": [day for day in range(1, days + 1) for _ in clock],
            "sched_dep_time": clock * days,
            "carrier": ["AA", "UA"] * (days * each // 2),
            "origin": "JFK",
            "dest": "BOS",
            "distance": 187,
        }
    )
    return rows.assign(
        time_hour=HOUR,
        flight=range(len(rows)),
        sched_arr_time=rows["sched_dep_time"] + 100,
        arr_delay=(rows["sched_dep_time"] >= 1700) * 40.0,
    )


def weather(*hours: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "origin": "JFK",
            "time_hour": list(hours),
            "temp": [30.0 + n for n in range(len(hours))],
            "dewp": 25.0,
            "humid": 60.0,
            "wind_speed": 10.0,
            "wind_gust": 20.0,
            "precip": 0.0,
            "pressure": 1012.0,
            "visib": 10.0,
        }
    )


def joined() -> pd.DataFrame:
    return join_weather(flights(), weather(HOUR - pd.Timedelta(hours=1)))


def test_a_flight_gets_the_weather_of_the_hour_before_its_own() -> None:
    observed = weather(HOUR - pd.Timedelta(hours=1), HOUR)
    rows = join_weather(flights(), observed)
    assert set(rows["temp"]) == {30.0}
    assert len(rows) == len(flights())


def test_what_is_known_only_after_departure_never_reaches_the_model() -> None:
    later = flights().assign(dep_delay=50.0, dep_time=700.0, arr_time=900.0, air_time=50.0)
    rows = clean(join_weather(later, weather(HOUR)))
    known_later = {"dep_delay", "dep_time", "arr_time", "air_time", "arr_delay"}
    assert known_later.isdisjoint(rows.columns)
    assert "late" not in features.matrix(rows, fit_encoder(rows)).columns


def test_late_begins_at_fifteen_minutes_and_cancelled_flights_are_left_out() -> None:
    rows = joined().iloc[:4].assign(arr_delay=[14.0, 15.0, 16.0, float("nan")])
    assert clean(rows)["late"].tolist() == [False, True, True]
    assert clean(rows, late_after=16)["late"].tolist() == [False, False, True]


def test_a_clock_becomes_minutes_after_midnight() -> None:
    assert features.minutes(pd.Series([0, 5, 100, 1745, 2359])).tolist() == [0, 5, 60, 1065, 1439]


def test_a_day_is_on_one_side_of_the_split_and_the_seed_decides_which() -> None:
    rows = clean(joined())
    parts = split(rows, test_share=0.25, seed=7)
    assert set(parts.train["day"]).isdisjoint(parts.test["day"])
    assert (parts.train["day"].nunique(), parts.test["day"].nunique()) == (6, 2)
    assert parts.test.equals(split(rows, test_share=0.25, seed=7).test)
    others = [set(split(rows, test_share=0.25, seed=seed).test["day"]) for seed in range(10)]
    assert any(days != set(parts.test["day"]) for days in others)


def test_a_word_unseen_in_training_is_encoded_and_not_refused() -> None:
    rows = clean(joined())
    encoder = fit_encoder(rows)
    assert features.matrix(rows.assign(carrier="ZZ"), encoder)["carrier"].eq(-1).all()


def test_a_model_learns_the_obvious() -> None:
    parts: Split = split(clean(joined()))
    encoder = fit_encoder(parts.train)
    model = train(parts.train, encoder, trees=20)
    scores = evaluate(model, encoder, hourly_rate(parts.train), parts.test)
    assert scores["auc"] == pytest.approx(1.0)
    assert scores["auc_by_hour"] == pytest.approx(1.0)


@pytest.mark.parametrize(("file", "count"), [("flights.csv.zip", 336_776), ("weather.csv", 26_115)])
def test_the_published_tables_are_there_and_whole(file: str, count: int) -> None:
    assert len(pd.read_csv(table(file), usecols=["origin"])) == count
