"""Network file systems are rejected by type, a single process may use any medium, read-only ones can be searched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.errors import StoreError, Unsupported, WriterBusy
from vicinal.store import filesystems
from vicinal.store.filesystems import holding, linux_mounts, mac_mounts, shared_type

VECTORS = np.eye(8, dtype=np.float32)

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /mnt rw - tmpfs tmpfs rw
41 40 0:36 / /mnt/nas rw,relatime shared:2 master:3 - nfs4 server:/export rw,vers=4.2
42 41 8:1 / /mnt/nas/local rw - ext4 /dev/sdb rw
43 22 0:40 / /media/my\\040share rw - cifs //server/share rw
44 22 0:41 / /srv/host rw - 9p hostshare rw
45 22 0:42 / /over rw - overlay overlay rw
46 22 0:43 / /over rw - fuse.sshfs me@host: rw
"""

MAC_MOUNTS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//ann@server/share on /Volumes/my share (smbfs, nodev, nosuid)
map auto_home on /System/Volumes/Data/home (autofs, automounted)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data", "ext4"),
        ("/mnt/other", "tmpfs"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/data", "nfs4"),
        ("/mnt/nasty", "tmpfs"),
        ("/mnt/nas/local/data", "ext4"),
        ("/media/my share/data", "cifs"),
        ("/srv/host/x", "9p"),
        ("/over/x", "fuse.sshfs"),
    ],
)
def test_the_longest_and_last_mount_holds_a_path(path: str, kind: str) -> None:
    assert holding(path, linux_mounts(MOUNTINFO))[1] == kind


def test_mounts_of_a_mac() -> None:
    mounts = mac_mounts(MAC_MOUNTS)
    assert holding("/Volumes/my share/data", mounts) == ("/Volumes/my share", "smbfs")
    assert holding("/Users/x", mounts) == ("/", "apfs")


def test_garbage_is_no_mount() -> None:
    assert linux_mounts("x\n1 2 - \n\n - nfs") == []
    assert holding("/x", []) == ("", "")


@pytest.mark.parametrize(
    ("kind", "is_shared"),
    [("nfs4", True), ("cifs", True), ("virtiofs", True), ("overlay", False), ("tmpfs", False), ("what?", False)],
)
def test_what_is_not_known_to_be_shared_is_allowed(kind: str, is_shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystems, "_mounts", lambda: [("/", "ext4"), ("/share", kind)])
    assert shared_type("/share/data") == (kind if is_shared else None)


def test_the_root_of_a_sandbox_is_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystems, "_mounts", lambda: [("/", "9p")])
    assert shared_type("/data") is None


def test_this_machine_is_allowed(tmp_path: Path) -> None:
    assert shared_type(str(tmp_path)) is None


@pytest.fixture
def on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(filesystems, "_mounts", lambda: [("/", "ext4"), (str(tmp_path.resolve()), "nfs4")])
    return tmp_path / "not yet there" / "data"


def test_a_network_is_refused_with_the_ways_out(on_a_network: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        vicinal.connect(on_a_network)
    assert "nfs4" in str(caught.value)
    assert "vicinal serve" in caught.value.remedy
    assert "exclusive=True" in caught.value.remedy
    assert not on_a_network.parent.exists()


# -- exclusive


def test_exclusive_shares_no_memory(on_a_network: Path) -> None:
    with vicinal.connect(on_a_network, exclusive=True) as db:
        docs = db.collection("docs")
        docs.add([1, 2, 3], vectors=VECTORS[:3])
        docs.delete([2])
        docs.snapshot("one")
        docs.compact()
        docs.restore("one")
        docs.update([1], metadata={"a": 1})
        docs._context.store.upkeep.build(always=True)
        assert docs.search(VECTORS[0], k=5).ids == [1, 3]
        assert docs.verify().ok
        assert docs.get([1])[0].metadata == {"a": 1}
        assert not list(on_a_network.rglob("*-shm"))
    with vicinal.connect(on_a_network, exclusive=True) as db:
        assert db.verify("docs").ok
        assert db.repair("docs").kept == 2
        assert [record.id for record in db.collection("docs").get()] == [1, 3]


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_second_process_gets_a_clear_error(exclusive: bool, tmp_path: Path) -> None:
    program = (
        "import sys, vicinal; db = vicinal.connect(sys.argv[1], exclusive=True); "
        "docs = db.collection('docs'); docs.add(vectors=[[1.0, 2.0]]); print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder, holder.stdout, holder.stdin:
        assert holder.stdout.readline() == "open\n"
        monkey = pytest.MonkeyPatch()
        monkey.setattr("vicinal.store.connections._READ_TRIES_MAX", 50)
        with vicinal.connect(tmp_path, exclusive=exclusive) as db:
            with pytest.raises(WriterBusy, match="to itself"):
                db.collection("docs")
            with pytest.raises(WriterBusy):
                db.verify("docs")
        monkey.undo()
        holder.stdin.close()
        holder.wait(30)
    with vicinal.connect(tmp_path, exclusive=exclusive) as db:
        assert db.collection("docs").count() == 1


def test_exclusive_in_many_threads(tmp_path: Path) -> None:
    import threading

    with vicinal.connect(tmp_path, exclusive=True) as db:
        docs = db.collection("docs", dimension=8)
        failed: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for i in range(first, first + 20):
                    docs.add([i], vectors=VECTORS[:1])
                    assert docs.search(VECTORS[0], k=1)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert docs.count() == 80


# -- read-only


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "data") as db:
        docs = db.collection("docs")
        docs.add([1, 2, 3], vectors=VECTORS[:3], texts=["a", "b", "c"])
        docs._context.store.upkeep.build(always=True)
        docs.add([4], vectors=VECTORS[3:4])
    return tmp_path / "data"


@pytest.fixture
def mounted(closed: Path) -> Iterator[Path]:
    """The same on a read-only mount."""
    able = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")
    commands = [["mount", "--bind", str(closed), str(closed)], ["mount", "-o", "remount,ro,bind", str(closed)]]
    if not able or any(subprocess.run(command, capture_output=True, check=False).returncode for command in commands):
        pytest.skip("only root may mount, and only on Linux")
    yield closed
    subprocess.run(["umount", "-l", str(closed)], check=True)


@pytest.fixture(params=["mount", "permission"])
def read_only(request: pytest.FixtureRequest, closed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A read-only mount, or files owned by someone else; root may write those, so the check is replaced."""
    if request.param == "mount":
        return Path(request.getfixturevalue("mounted"))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    return closed


def test_a_read_only_medium_is_searched(read_only: Path) -> None:
    before = sorted(path for path in read_only.rglob("*"))
    with vicinal.connect(read_only) as db:
        assert db.collections() == ["docs"]
        docs = db.collection("docs")
        assert docs.search(VECTORS[3], k=1).ids == [4]
        assert docs.get([1])[0].text == "a"
        assert len(docs.get(vectors=True)) == docs.count() == docs.stats().rows == 4
        assert docs.verify().ok
        assert db.verify("docs").ok
        docs._context.store.upkeep.keep_built()
    assert sorted(path for path in read_only.rglob("*")) == before


def test_writes_to_a_read_only_medium_are_refused(read_only: Path) -> None:
    with vicinal.connect(read_only) as db:
        docs = db.collection("docs")
        for write in (
            lambda: docs.add(vectors=VECTORS[:1]),
            lambda: docs.update([1], metadata={"a": 1}),
            lambda: docs.delete([1]),
            docs.compact,
            docs.purge,
            docs.sync,
            lambda: docs.snapshot("one"),
            lambda: db.drop("docs"),
            lambda: db.repair("docs"),
        ):
            with pytest.raises(Unsupported, match="read-only medium"):
                write()
        assert docs.count() == 4


def test_a_collection_that_was_not_closed_cannot_be_read_there(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would silently ignore the log, and show old rows."""
    records = next(closed.rglob("records.db"))
    records.with_name("records.db-wal").write_bytes(b"some frames")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with vicinal.connect(closed) as db, pytest.raises(StoreError, match="was not closed") as caught:
        db.collection("docs")
    assert "copy its folder" in caught.value.remedy


def test_a_new_collection_on_a_read_only_medium(mounted: Path) -> None:
    with vicinal.connect(mounted) as db, pytest.raises(StoreError, match="Read-only file system"):
        db.collection("more")


def test_a_generation_that_is_just_removed_does_not_make_the_medium_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may remove an old generation between the listing and the check."""
    with vicinal.connect(tmp_path) as database:
        database.collection("docs").add(texts=["a"])
    [collection] = tmp_path.glob("docs-*")
    real = os.access

    def after_its_removal(path: str, mode: int) -> bool:
        if os.path.basename(path) == "g0":
            shutil.rmtree(path, ignore_errors=True)
        return real(path, mode)

    (collection / "g0").mkdir()
    monkeypatch.setattr(os, "access", after_its_removal)
    assert not filesystems.is_read_only(str(collection))
