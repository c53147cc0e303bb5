"""The initial content of many tests' lakes: written once and then copied, because writing a hundred partitions takes a
second."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_files import LOG
from genesys_assets.lake.store import LocalStore

_written: dict[str, dict[Path, bytes]] = {}


def copy_into(folder: Path, name: str, write: Callable[[Lake], None], *, without: Collection[str] = ()) -> None:
    """Copy what `write` writes to an empty lake into the lake in a folder, `without` some tables. The `name` identifies
    the content."""
    for path, content in _files(name, write).items():
        if _place(path) not in without:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            assert not target.exists(), f"{target} is stored already"
            target.write_bytes(content)


def _files(name: str, write: Callable[[Lake], None]) -> dict[Path, bytes]:
    if name not in _written:
        with TemporaryDirectory() as folder:
            write(Lake(LocalStore(Path(folder))))
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            _written[name] = {path.relative_to(folder): path.read_bytes() for path in files}
    return _written[name]


def _place(path: Path) -> str:
    return "/".join(part for part in path.parts[:-1] if part != LOG and "=" not in part)
