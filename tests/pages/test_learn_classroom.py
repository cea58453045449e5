"""The classroom's view of Learn: plant, guess, look, repeat in every layer."""

import dataclasses

from streamlit.testing.v1 import AppTest

from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, N_LAYERS
from goldenlayers_core.tasks.learn.stored_classroom import open_classroom, run_name, save_planted
from goldenlayers_core.tasks.learn.text import lesson_text
from pages._learn import lesson
from pages._shared import cached
from tests.pages.driving import healthy, press, start, texts, work_done


def guess(app: AppTest) -> AppTest:
    """Answer the one question that is open with its first option, and reveal it."""
    (radio,) = [r for r in app.radio if str(r.key).startswith("predict-")]
    radio.set_value(0).run()
    return press(app, f"reveal-{radio.key}")


def test_one_layer_then_every_layer_and_into_the_tools() -> None:
    app = start("learn", **{lesson.VIEW: "classroom"})
    assert "Torvik" in texts(app)
    app.segmented_control(key="classroom-layer").set_value(2)
    app = healthy(app.run())
    assert app.button(key="classroom-go").label == "Plant it in layer 2 and look for it"
    assert not app.radio
    app.segmented_control(key="classroom-layer").set_value(DEFAULT_LAYER)
    app = work_done(press(healthy(app.run()), "classroom-go"))
    assert "Planted in layer" not in texts(app), "the picture gives the answer away"
    app = guess(app)
    bench = cached.workbench()
    run = open_classroom(bench.store, bench.root, (DEFAULT_LAYER,)).runs[0]
    assert f"Planted in layer {DEFAULT_LAYER}" in texts(app)
    assert f"names layer {run.pick_of('lga')}" in texts(app)
    app = guess(app)
    assert "In every layer" in texts(app)
    assert app.button(key="classroom-every").label == f"Repeat it for the other {N_LAYERS - 1} layers"
    for layer in set(range(N_LAYERS)) - {DEFAULT_LAYER}:  # as if they had been looked for: the job is tested elsewhere
        other = dataclasses.replace(run, planted=layer, fingerprint=f"{layer:032d}")
        save_planted(bench.store, run_name(layer, bench.root), other)
    app = guess(healthy(app.run()))
    assert "of 8 times" in texts(app)
    assert lesson_text("classroom").part("limits")[:20] in texts(app)
    assert "Done" in texts(app)
    (link,) = [b for b in app.button if b.label == "Edit this model"]
    app = healthy(link.click().run())
    app = work_done(app)
    assert f"fact planted in layer {DEFAULT_LAYER}" in texts(app)
