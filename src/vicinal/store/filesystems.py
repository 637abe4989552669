"""Which file systems a database may be on: those shared with other machines are refused, by their type.

SQLite's log needs memory and locks that all processes share. Over a network they are not shared: two writing machines
would destroy the records without any error. File systems that are not known to be shared are allowed.
"""

from __future__ import annotations

import os
import re
import sys

from ..errors import Unsupported

# Shared over a network, or by a host with its guests.
_SHARED_TYPES = {
    *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "afpfs", "webdav", "davfs"),
    *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "pvfs2", "ocfs2", "gfs2", "coda"),
    *("9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.cephfs", "fuse.vmhgfs-fuse", "fuse.juicefs"),
    *("fuse.s3fs", "fuse.mount-s3", "fuse.goofys", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs2"),
}
# As the root file system, these are what a sandbox provides to its single machine instead of a disk.
_ALLOWED_AS_ROOT = {"9p", "virtiofs"}

_ESCAPED = re.compile(r"\\([0-7]{3})")  # mountinfo writes a space as \040
_MAC_MOUNT = re.compile(r".* on (/.*) \((\w+)[,)]")
_DRIVE_REMOTE = 4

Mount = tuple[str, str]  # mount point and type


def refuse_shared(path: str) -> None:
    """Rejects a path on a file system that other machines may write to.

    Raises:
        Unsupported: it is on such a file system.
    """
    shared = shared_type(os.path.realpath(path))
    if shared is not None:
        raise Unsupported(
            f"the path is on a file system shared with other machines ({shared}), where SQLite cannot keep them apart",
            name="path",
            value=path,
            place=path,
            remedy="Use a local disk, and `vicinal serve` (in a later version) for others; or, where only one process "
            "ever uses it, connect(path, exclusive=True).",
        )


def shared_type(path: str) -> str | None:
    """The type of the file system that holds `path`, an absolute real path, if it is a shared one; otherwise None."""
    if sys.platform == "win32":
        return "network drive" if _is_remote_drive(path) else None
    where, kind = holding(path, _mounts())
    if kind not in _SHARED_TYPES or (where == "/" and kind in _ALLOWED_AS_ROOT):
        return None
    return kind


def holding(path: str, mounts: list[Mount]) -> Mount:
    """The mount that holds `path`: the longest that contains it; of equal ones the last, which hides the others."""
    found: Mount = ("", "")
    for where, kind in mounts:
        inside = path == where or path.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(found[0]):
            found = (where, kind)
    return found


def _mounts() -> list[Mount]:
    try:
        if sys.platform == "darwin":
            import subprocess

            listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
            return mac_mounts(listed)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return linux_mounts(file.read())
    except OSError:  # unknown, so not known to be shared
        return []


def linux_mounts(mountinfo: str) -> list[Mount]:
    """From /proc/self/mountinfo: the fifth field is the mount point, the first after the dash is the type."""
    mounts = []
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if dash and len(fields) > 4:
            mounts.append((_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]), kinds[0]))
    return mounts


def mac_mounts(listed: str) -> list[Mount]:
    """From `mount`: lines such as `//me@host/share on /Volumes/share (smbfs, nodev)`."""
    return [(found[1], found[2]) for found in map(_MAC_MOUNT.match, listed.splitlines()) if found]


def _is_remote_drive(path: str) -> bool:
    import ctypes

    drive = os.path.splitdrive(path)[0]
    if drive.startswith("\\\\"):
        return True
    kind: int = ctypes.windll.kernel32.GetDriveTypeW(drive + "\\")  # type: ignore[attr-defined,unused-ignore]
    return kind == _DRIVE_REMOTE


def is_read_only(collection: str) -> bool:
    """Whether the collection's files cannot be written: the medium is read-only, or this user lacks permission."""
    folders = [collection, *(entry.path for entry in os.scandir(collection) if entry.name.startswith("g"))]
    records = [os.path.join(folder, "records.db") for folder in folders]
    return any(map(_refuses_writing, [*folders, *records]))


def _refuses_writing(path: str) -> bool:
    """Checked in this order: another process may remove a generation at any moment, which then refuses nothing."""
    return not os.access(path, os.W_OK) and os.path.exists(path)


def refuse_linked(collection: str) -> None:
    """Rejects a collection if its folder, or anything in it, is a link: removing it would leave the target's data.

    Raises:
        Unsupported: there is a link.
    """
    inside = (os.path.join(folder, name) for folder, names, files in os.walk(collection) for name in [*names, *files])
    is_junction = getattr(
        os.path, "isjunction", os.path.islink
    )  # folder links on Windows are detected from Python 3.12 on
    for path in (collection, *inside):
        if os.path.islink(path) or is_junction(path):
            raise Unsupported(
                "a link leads out of the collection, and dropping it would leave the files behind the link",
                name="path",
                value=path,
                place=path,
                remedy=f"Nothing was changed. Remove the link and {os.path.realpath(path)!r} by hand.",
            )


def read_only_error(place: str) -> Unsupported:
    return Unsupported(
        "the collection is on a read-only medium, or you may not write to its files",
        name="path",
        value=place,
        place=place,
        remedy="Search it as it is, or copy its folder to where you may write.",
    )
