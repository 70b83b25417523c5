"""The page is what the data says, and the data survives its file."""

from game_day import report, store
from game_day.faults import ALL


def test_the_committed_page_is_written_from_the_committed_data(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "PAGE", tmp_path / "game-day.md")
    monkeypatch.setattr(report.pictures, "draw", lambda fault, pair: None)
    committed = report.ROOT / "docs/game-day.md"
    report.write()
    assert report.PAGE.read_text() == committed.read_text()


def test_every_played_fault_has_its_picture():
    played = [fault.name for fault in ALL if store.load(fault.name)]
    assert played
    for name in played:
        assert (report.ROOT / f"docs/pictures/game-day/{name}.png").exists()


def test_the_readme_s_headline_is_the_data_s():
    numbers = report.summary({fault.name: pairs for fault in ALL if (pairs := store.load(fault.name))})
    readme = (report.ROOT / "README.md").read_text()
    assert f"In {numbers['mended']:.0f} of the {numbers['able']:.0f} faults" in readme
    assert f"by {numbers['sooner']:.0f} s in the median" in readme
    assert (numbers["faults"], numbers["runs"], numbers["actions"]) == (20, 23, 12)
    assert (numbers["defective"], numbers["lost"]) == (0, 0)


def test_pairs_survive_their_file(tmp_path, monkeypatch):
    name = next(fault.name for fault in ALL if store.load(fault.name))
    pairs = store.load(name)
    monkeypatch.setattr(store, "RESULTS", tmp_path)
    for pair in pairs:
        store.add(name, pair)
    assert store.load(name) == pairs
