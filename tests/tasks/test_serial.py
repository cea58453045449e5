"""Results as JSON, and back."""

import json

import pytest

from goldenlayers_core.results.learn.pile import Pile
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.tasks.serial import plain, restored
from tests.made_lessons import made_pile


def test_what_was_written_as_json_is_read_as_it_was() -> None:
    found = made_pile()
    assert restored(Pile, json.loads(json.dumps(plain(found)))) == found
    tour = Tour(prompts=("a", "b"), rows=((1.0, 2.0), ()))
    assert restored(Tour, json.loads(json.dumps(plain(tour)))) == tour


def test_a_field_that_came_later_has_its_default_and_one_that_is_unknown_is_refused() -> None:
    older = {name: value for name, value in plain(made_pile()).items() if name not in ("skipped", "seconds")}
    assert (restored(Pile, older).skipped, restored(Pile, older).seconds) == ((), 0.0)
    for wrong in ({**older, "nonsense": 1}, {**older, "curves": 3}, {**older, "skipped": [["a prompt"]]}):
        with pytest.raises((TypeError, ValueError)):
            restored(Pile, wrong)
