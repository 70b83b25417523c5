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


def test_pairs_survive_their_file(tmp_path, monkeypatch):
    name = next(fault.name for fault in ALL if store.load(fault.name))
    pairs = store.load(name)
    monkeypatch.setattr(store, "RESULTS", tmp_path)
    for pair in pairs:
        store.add(name, pair)
    assert store.load(name) == pairs
