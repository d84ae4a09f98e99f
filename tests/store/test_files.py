"""What lies beside the database: blobs, locks, the presence of processes, the secret."""

import base64
import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from postroom.store.blobs import SWEEP_AGE_S, Blobs, delete_if_old
from postroom.store.locks import Presence, ProcessLock
from postroom.store.secret import SIZE, Secret, write_private

CONTENT = b"some bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def _age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_bytes_that_were_written_are_read_back(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.write(CONTENT, SHA256)
    assert blobs.read(SHA256) == CONTENT
    assert _files(tmp_path) == [tmp_path / SHA256[:2] / SHA256[2:]]
    assert blobs.path(SHA256).stat().st_mode & 0o077 == 0


def test_a_spooled_file_is_moved_in(tmp_path: Path) -> None:
    blobs, spool = Blobs(tmp_path / "blobs"), tmp_path / "spooled"
    spool.write_bytes(CONTENT)
    blobs.adopt(spool, SHA256)
    assert blobs.read(SHA256) == CONTENT
    assert not spool.exists()


def test_a_spool_on_another_file_system_is_copied_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(_source: Path, _target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "replace", elsewhere)
    blobs, spool = Blobs(tmp_path / "blobs"), tmp_path / "spooled"
    spool.write_bytes(CONTENT)
    blobs.adopt(spool, SHA256)
    assert (blobs.read(SHA256), spool.exists()) == (CONTENT, False)


def test_a_full_disk_leaves_no_draft_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        Blobs(tmp_path).write(CONTENT, SHA256)
    assert _files(tmp_path) == []


@pytest.mark.parametrize("way", ["write", "adopt"])
def test_using_a_file_again_touches_it(tmp_path: Path, way: str) -> None:
    blobs, spool = Blobs(tmp_path / "blobs"), tmp_path / "spooled"
    blobs.write(CONTENT, SHA256)
    _age(blobs.path(SHA256), 2 * SWEEP_AGE_S)
    if way == "write":
        blobs.write(CONTENT, SHA256)
    else:
        spool.write_bytes(CONTENT)
        blobs.adopt(spool, SHA256)
    assert list(blobs.old()) == []
    assert not spool.exists()


def test_only_files_that_nobody_touched_for_an_hour_are_old(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.write(CONTENT, SHA256)
    assert list(blobs.old()) == []
    assert not delete_if_old(blobs.path(SHA256))
    _age(blobs.path(SHA256), SWEEP_AGE_S + 5)
    assert list(blobs.old()) == [SHA256]
    assert delete_if_old(blobs.path(SHA256))
    assert not delete_if_old(blobs.path(SHA256))


def test_a_lock_is_one_process_thing_and_comes_back_when_released(tmp_path: Path) -> None:
    one, two = ProcessLock(tmp_path / "run" / "a.lock"), ProcessLock(tmp_path / "run" / "a.lock")
    assert one.take()
    assert not two.take()
    one.release()
    assert two.take()
    two.release()


def test_a_process_that_was_killed_is_seen_dead(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from postroom.store.locks import Presence;"
        "p = Presence(pathlib.Path(sys.argv[1]), 'other'); print('here', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    me = Presence(tmp_path, "me")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "here\n"
        assert me.is_alive("other")
        other.kill()
        other.wait(timeout=20)
    assert not me.is_alive("other")
    assert not (tmp_path / "other.alive").exists()
    me.leave()


def test_a_process_that_left_is_seen_gone_and_one_that_never_was_too(tmp_path: Path) -> None:
    me, other = Presence(tmp_path, "me"), Presence(tmp_path, "other")
    assert me.is_alive("me")
    assert me.is_alive("other")
    other.leave()
    assert not me.is_alive("other")
    assert not me.is_alive("nobody")
    me.leave()


def test_two_processes_cannot_have_one_name(tmp_path: Path) -> None:
    me = Presence(tmp_path, "me")
    with pytest.raises(RuntimeError, match="named me"):
        Presence(tmp_path, "me")
    me.leave()


def test_a_sweep_takes_the_files_of_the_dead_alone(tmp_path: Path) -> None:
    me = Presence(tmp_path, "me")
    (tmp_path / "dead.alive").touch()
    me.sweep()
    assert [path.name for path in tmp_path.glob("*.alive")] == ["me.alive"]
    me.leave()


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first = Secret.load(path, None)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_bytes())) == SIZE
    assert Secret.load(path, None).sign("p", b"d") == first.sign("p", b"d")


def test_a_secret_that_is_given_wins_over_the_kept_one(tmp_path: Path) -> None:
    given = Secret.load(tmp_path / "secret.key", base64.b64encode(b"k" * SIZE).decode())
    assert given.sign("p", b"d") == Secret(b"k" * SIZE).sign("p", b"d")
    assert _files(tmp_path) == []


@pytest.mark.parametrize("text", ["short", "a" * 43, "!" * 60, base64.b64encode(b"k" * (SIZE - 1)).decode()])
def test_a_given_secret_that_is_too_short_or_no_base64_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="POSTROOM_SECRET_KEY"):
        Secret.load(tmp_path / "secret.key", text)


@pytest.mark.parametrize("kept", [b"", b"\n", b"QQ==\n", b"\xff\xfe", b"garbage!!"])
def test_a_kept_secret_that_is_empty_or_damaged_is_refused_by_name_and_signs_nothing(
    tmp_path: Path, kept: bytes
) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(kept)
    with pytest.raises(ValueError, match=r"secret\.key"):
        Secret.load(path, None)


def test_a_signature_is_for_its_purpose_its_data_and_its_secret_alone() -> None:
    secret = Secret(b"k" * SIZE)
    signed = secret.sign("download", b"data")
    assert secret.is_signed("download", b"data", signed)
    assert not secret.is_signed("cookie", b"data", signed)
    assert not secret.is_signed("download", b"other", signed)
    assert not Secret(b"l" * SIZE).is_signed("download", b"data", signed)
    for forged in ("", "x", signed[:-1], signed + "=", "ü\ud800"):
        assert not secret.is_signed("download", b"data", forged)


def test_a_secret_does_not_show_itself() -> None:
    assert "kkkk" not in repr(Secret(b"k" * SIZE))


def test_a_private_file_is_never_overwritten(tmp_path: Path) -> None:
    write_private(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "a", b"second")
    assert _files(tmp_path) == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"first"


def test_a_new_process_and_the_sweeps_of_others_do_not_meet(tmp_path: Path) -> None:
    me = Presence(tmp_path, "me")
    ended = threading.Event()

    def sweep() -> None:
        while not ended.is_set():
            me.sweep()

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    try:
        for number in range(100):
            other = Presence(tmp_path, f"other{number}")
            assert me.is_alive(f"other{number}")
            other.leave()
    finally:
        ended.set()
        sweeping.join()
        me.leave()
