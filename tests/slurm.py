#!/usr/bin/env python3
"""Runs a command, or checks of `metaprompt sweep --slurm`, on a Slurm of its own on this machine.

    tests/slurm.py srun -n 2 hostname
    tests/slurm.py --program bazel-bin/experiments/cli/metaprompt [--few]

Starts munged, slurmctld and slurmd of Debian's packages slurmctld, slurmd, slurm-client and munge, all in a temporary
folder and on free ports, and stops them in the end. It does not touch a Slurm that is installed here. It needs root.
Where slurmctld is not installed it prints this, and ends without an error.

With --program, it checks

1. that a run of two processes under srun leaves the same record and parameters as one process;
2. that a sweep of 12 runs, of which four begin from others, leaves the same records and parameters as without Slurm,
   although three of its runs are killed and one reaches its time limit. With --few, which takes a minute or two: 4
   runs, of which one begins from another and one is killed.
"""

import argparse
import concurrent.futures
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kills

NEEDED = ["slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scontrol"]

# cred_expire is also how long a job waits before it starts again (120 s by default).
CONFIG = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=3
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES OverSubscribe=FORCE:4 MaxTime=INFINITE State=UP
"""


def missing():
    """The programs of Slurm that are not installed."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return [program for program in NEEDED if shutil.which(program) is None]


def until(what, seconds, found):
    """Waits until found() is true, and returns what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


class Slurm:
    """The three daemons. Inside `with`, the commands of Slurm talk to them."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm"))
        self.daemons = []

    def start(self, *line):
        log = (self.folder / f"{line[0]}.out").open("w")
        self.daemons.append(subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            for log in sorted(self.folder.glob("*.out")) + sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
            self.end()
            raise
        return self

    def begin(self):
        folder = self.folder
        folder.chmod(0o755)  # munge wants its clients to reach the socket
        for name in ("state", "spool"):
            (folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        with contextlib.ExitStack() as stack:
            ports = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2)]
        (folder / "slurm.conf").write_text(CONFIG.format(
            host=host, controller=ports[0], node=ports[1], folder=folder, cpus=max(2, os.cpu_count())))
        (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o600)
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
        self.start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket",
                   f"--key-file={folder}/munge.key", f"--pid-file={folder}/munged.pid",
                   f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed")
        until("munged", 20, (folder / "munge.socket").exists)
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        until("an idle node", 60, lambda: self.ask("sinfo", "--noheader", "--format=%T").strip() in ("idle", "mixed"))

    def ask(self, *line):
        """What a command prints; nothing if it fails."""
        return subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def end(self):
        self.ask("scancel", "--state=PENDING,RUNNING,SUSPENDED", f"--user={os.getuid()}")
        with contextlib.suppress(TimeoutError):
            until("the last job", 20, lambda: not self.ask("squeue", "--noheader"))
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, *_):
        self.end()


# One axis, so that each run has its own line.
SHORT = "train.meta_steps=40 train.validate_every=20 train.valid_episodes=40 test.episodes=80 threads=1"
CHOICES = [(f"seed{seed}", "", f"seed={seed}") for seed in range(1, 8)] + [
    ("long", "", "train.meta_steps=400"),
    ("on", "seed1", ""),
    ("on-and-on", "on", ""),
    ("after", "seed2", ""),
    ("after-long", "long", ""),
]
FEW = [choice for choice in CHOICES if choice[0] in ("seed1", "seed2", "seed3", "on")]


def write_sweep(folder, choices):
    lines = ['spec: "run.textproto"', 'set: "episodes.shots=1"']
    lines += [f'set: "{field}"' for field in SHORT.split()]
    lines.append("axis {")
    for name, start, field in choices:
        more = f' from: "{start}"' if start else ""
        more += f' set: "{field}"' if field else ""
        lines.append(f'  choice {{ name: "{name}"{more} }}')
    (folder / "sweep.textproto").write_text("\n".join(lines + ["}"]) + "\n")


def output(folder, *line):
    """What a command prints; it must succeed."""
    ended = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(map(str, line))}\nexit status {ended.returncode}\n{ended.stdout}")
    return ended.stdout


def same(a, b):
    """Whether two runs have the same record and parameters."""
    return all((a / name).read_bytes() == (b / name).read_bytes()
               for name in ("record.textproto", "best-1shot.safetensors"))


def check_srun(program, folder):
    run = (program, "run", "run.textproto", "--quiet", "--set", "episodes.shots=1", "--set", "threads=1", "--out")
    output(folder, *run, "one")
    output(folder, "srun", "-n", "2", *run, "two")
    if "processes: 2" not in (folder / "two" / "environment.textproto").read_text():
        sys.exit("srun -n 2 did not make one run of two processes")
    if not same(folder / "one", folder / "two"):
        sys.exit("the records or parameters of one process and of two under srun differ")
    print("srun -n 2: record and parameters of one process", flush=True)


def processes_of(out):
    """The process of the run with this folder, and the shell that started it; nothing if it does not run."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if "run" in words and out in words:
                return int(path.parent.name), int((path.parent / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return None


def kill_some(choices, count, chance):
    """Kills as many short runs, each a moment after it was seen to run. Returns their names."""
    names = [name for name, _, _ in choices if "long" not in name]
    killed = []
    while len(killed) < count:
        name = until("a run to kill", 300, lambda: next(
            (name for name in chance.sample(names, len(names)) if processes_of(f"runs/{name}")), None))
        time.sleep(chance.uniform(0, 2))
        if found := processes_of(f"runs/{name}"):
            process, shell = found
            # Without its shell, as when a machine fails, the job leaves no word in the log.
            with contextlib.suppress(ProcessLookupError):
                if len(killed) % 2 == 1:
                    os.kill(shell, signal.SIGKILL)
                os.kill(process, signal.SIGKILL)
                killed.append(name)
                names.remove(name)
    return killed


def hold(folder):
    """Stops `long` in its training until it has got the signal that comes before the time limit."""
    until("a checkpoint of long", 300, (folder / "runs" / "long.partial" / "checkpoint-1shot.safetensors").exists)
    process = processes_of("runs/long")[0]
    os.kill(process, signal.SIGSTOP)
    try:
        until("the signal before the time limit", 90, lambda: any(
            int(line.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1
            for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("ShdPnd:")))
    finally:
        os.kill(process, signal.SIGCONT)


def check_sweep(slurm, program, folder, chance, few):
    choices = FEW if few else CHOICES
    here, there = folder / "here", folder / "there"
    for world in (here, there):
        world.mkdir()
        kills.write_world(world)
        write_sweep(world, choices)
    sweep = (program, "sweep", "sweep.textproto", "--out", "runs")
    submit = sweep + ("--slurm", "--time=1", "--sbatch-option=--signal=B:USR1@15")
    status = sweep + ("--status",)
    empty = lambda: not slurm.ask("squeue", "--noheader")
    output(here, *sweep)

    print(output(there, *submit), end="", flush=True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = None if few else pool.submit(hold, there)
        print(output(there, *status), end="", flush=True)
        killed = kill_some(choices, 1 if few else 3, chance)
        print(f"killed: {', '.join(killed)}", flush=True)
        if held:
            held.result()
    until("an empty queue", 900, empty)
    report = output(there, *status)
    print(report, end="", flush=True)
    for name in killed:
        if not any(f"runs/{name}: {state}" in report for state in ("failed", "stopped")):
            sys.exit(f"--status does not tell that {name} was killed")
    print(output(there, *submit), end="", flush=True)
    until("an empty queue", 900, empty)
    report = output(there, *status)
    print(report, end="", flush=True)
    if report.splitlines()[-1] != f"{len(choices)} runs: {len(choices)} complete":
        sys.exit(1)
    different = [name for name, _, _ in choices if not same(here / "runs" / name, there / "runs" / name)]
    again = 0 if few else (there / "runs" / "long.log").read_text().count("back into the queue")
    limit = "" if few else f", 1 at its time limit (times: {again})"
    print(f"{len(choices)} runs, {len(killed)} killed{limit}, {len(different)} different"
          f"{': ' if different else ''}{', '.join(different)}")
    if different or not (again or few):
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the metaprompt binary to check")
    parser.add_argument("--few", action="store_true", help="check a shorter sweep")
    parser.add_argument("--seed", type=int, default=0, help="decides which runs are killed, and when [0]")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a command to run instead")
    options = parser.parse_args()
    if not options.program and not options.command:
        parser.error("name a command or --program")
    if absent := missing():
        print(f"skipped: {absent[0]} is not installed")
        return
    if os.getuid() != 0:
        print("skipped: Slurm's daemons need root here")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemons end, too
    with Slurm() as slurm:
        if options.command:
            sys.exit(subprocess.run(options.command).returncode)
        program = options.program.resolve()
        with tempfile.TemporaryDirectory(prefix="sweep") as name:
            folder = Path(name)
            kills.write_world(folder)
            check_srun(program, folder)
            check_sweep(slurm, program, folder, random.Random(options.seed), options.few)


if __name__ == "__main__":
    main()
