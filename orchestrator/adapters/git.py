"""git: the one place that talks to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.errors import AoError
from orchestrator.model.handoff import Commit

GIT = "git"
LEASH = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
"""Ends what is run with the watchdog that runs it, where the system can."""
TIMEOUT = 20.0
"""Seconds that one git command may take."""
QUIET = (
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "log.showSignature=false",
)
"""Nothing is tidied, and no hook is run, because somebody looks."""
KEPT_VARIABLES = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH"}
)


class GitFailed(AoError):
    """A git command failed, or took too long; the message has its words."""


class Git:
    """One repository, by git's own commands, without a question, with a time limit.

    Args:
        repo: a folder with the repository, or in its work tree.
        environ: to take PATH, HOME and the like from.
    """

    def __init__(self, repo: Path, environ: Mapping[str, str]) -> None:
        self._repo = repo
        kept = {
            key: value
            for key, value in environ.items()
            if not key.startswith("GIT_") or key in KEPT_VARIABLES
        }
        self._environ = {
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10",
            **kept,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "LC_ALL": "C",
        }

    # ---- where it is

    def is_repository(self) -> bool:
        """Whether the folder belongs to a repository."""
        return self._repo.is_dir() and self._ask("rev-parse", "--git-dir", may_fail=True) is not None

    def folder(self) -> Path:
        """Where its refs are: the same for all its work trees."""
        return (self._repo / self._line("rev-parse", "--git-common-dir")).resolve()

    def remote_url(self, remote: str) -> str:
        """Address of a remote, "" when there is none of that name."""
        return (
            (self._ask("config", "--get", f"remote.{remote}.url", may_fail=True) or b"")
            .decode("utf-8", "replace")
            .strip()
        )

    def local_folder(self, url: str) -> Path | None:
        """Where the refs of a remote on this machine are; None for one that is elsewhere."""
        address = urlsplit(url)
        path = Path(unquote(address.path)) if address.scheme == "file" else self._repo / url
        if (address.scheme and address.scheme != "file") or not path.is_dir():
            return None
        other = Git(path, self._environ)
        return other.folder() if other.is_repository() else None

    # ---- what is in it

    def fetch(self, remote: str, branch: str, ref: str) -> bool:
        """Fetch one branch to a ref of our own; False when the remote has no such branch.

        Raises:
            GitFailed: the remote can't be reached, or git failed otherwise.
        """
        refspec = f"+refs/heads/{branch}:{ref}"
        try:
            self._ask(
                "fetch",
                "-q",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--refmap=",
                remote,
                refspec,
            )
        except GitFailed as failed:
            if "couldn't find remote ref" in failed.message:
                return False
            raise
        return True

    def commit(self, name: str) -> str:
        """Full id of a commit, "" when there is none of that name."""
        return (
            (
                self._ask(
                    "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}", may_fail=True
                )
                or b""
            )
            .decode()
            .strip()
        )

    def contains(self, tip: str, commit: str) -> bool:
        """Whether a commit is part of a history."""
        return self._ask("merge-base", "--is-ancestor", commit, tip, may_fail=True) is not None

    def log(self, span: str, most: int) -> tuple[Commit, ...]:
        """Commits of a span, oldest first; of more than `most` the newest."""
        out = (
            self._ask(
                "log", "-z", "--topo-order", "--no-color", "--format=%H %s", f"--max-count={most}", span, "--"
            )
            or b""
        )
        lines = [line.decode("utf-8", "replace") for line in out.split(b"\0") if line]
        return tuple(Commit(*line.partition(" ")[::2]) for line in reversed(lines))

    def blobs(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Ids of plain files, by path; what is missing, a link or a folder is left out."""
        if not paths:
            return {}
        out = self._ask("ls-tree", "-z", "--full-tree", commit, "--", *paths) or b""
        found: dict[str, str] = {}
        for row in out.split(b"\0"):
            head, _, path = row.partition(b"\t")
            mode, kind, blob = [*head.split(b" "), b"", b"", b""][:3]
            if kind == b"blob" and mode.startswith(b"100"):
                found[path.decode("utf-8", "surrogateescape")] = blob.decode()
        return found

    def text(self, blob: str, most: int) -> str:
        """A file's text, "" for one of more than `most` bytes: a few bytes in a repository can hold gigabytes."""
        if int(self._line("cat-file", "-s", blob)) > most:
            return ""
        return (self._ask("cat-file", "blob", blob) or b"")[:most].decode("utf-8", "replace")

    def last_change(self, span: str, path: str) -> str:
        """The newest commit of a span that changed a file, "" for none."""
        return self._line("log", "-1", "--no-color", "--format=%H", span, "--", path)

    @staticmethod
    def hash_of(content: bytes) -> str:
        """Names a file's content."""
        return hashlib.blake2b(content, digest_size=20).hexdigest()

    def check_out(self, commit: str, folder: Path) -> None:
        """Have a clean checkout of a commit in a new folder; it shares the repository's objects, and is no work tree of it.

        Raises:
            GitFailed: it could not be made.
        """
        self._ask("clone", "-q", "--shared", "--no-checkout", "--no-tags", str(self.folder()), str(folder))
        self._ask("-C", str(folder), "checkout", "-q", "--detach", commit, "--", timeout=10 * TIMEOUT)

    def run(self, *arguments: str) -> str:
        """What any command prints.

        Raises:
            GitFailed: it failed, or took too long.
        """
        return (self._ask(*arguments) or b"").decode("utf-8", "surrogateescape")

    # ---- underneath

    def _line(self, *arguments: str) -> str:
        return (self._ask(*arguments) or b"").decode("utf-8", "surrogateescape").strip()

    def _ask(self, *arguments: str, may_fail: bool = False, timeout: float = TIMEOUT) -> bytes | None:
        """What a command prints; None when it failed and may.

        Raises:
            GitFailed: it failed, or took too long.
        """
        try:
            process = subprocess.Popen(
                [*LEASH, GIT, *QUIET, *arguments], cwd=self._repo, env=self._environ, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise GitFailed(f"git can't be run: {error.strerror}", "install git") from error
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its ssh too
                process.communicate()
                raise GitFailed(f"git {_verb(arguments)} took more than {timeout:g} s") from None
        if process.returncode == 0:
            return out
        if may_fail:
            return None
        words = err.decode("utf-8", "replace").strip().splitlines()
        fatal = next(
            (line for line in words if line.startswith(("fatal:", "error:"))), words[-1] if words else ""
        )
        raise GitFailed(f"git {_verb(arguments)}: {fatal or f'status {process.returncode}'}")


def _verb(arguments: Sequence[str]) -> str:
    """The command's name."""
    return arguments[2] if arguments[0] == "-C" else arguments[0]


def is_repository(path: Path) -> bool:
    """Whether a folder is in a git repository, bare or with a work tree."""
    import git  # noqa: PLC0415 - 70 ms that only who asks pays for

    try:
        git.Repo(path, search_parent_directories=True).close()
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return False
    return True


def branch(path: Path) -> str | None:
    """The branch that is checked out in a folder's repository, born or not; None where there is none."""
    import git  # noqa: PLC0415 - as above

    try:
        with git.Repo(path, search_parent_directories=True) as repository:
            return repository.active_branch.name
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, TypeError):
        return None  # TypeError: a commit is checked out, and no branch


def make_repository(path: Path, branch_name: str) -> None:
    """Make a git repository with a work tree in a folder."""
    import git  # noqa: PLC0415 - as above

    git.Repo.init(path, initial_branch=branch_name).close()
