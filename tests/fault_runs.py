"""Lets each call of a training run to the file system fail, in each way that such a call can, and each time that it asks
the system for memory; lets its clock be wrong and its disk be slow (see tests/faults.sh).

The calls are counted by a library in front of libc (tests/faults), so none can go past it. After a fault the program has to
end with a clear text and code 2, or to go on as if nothing had been; no checkpoint may be damaged, and the run, resumed
without the fault, has to leave the files, weights and metrics of the undisturbed one.
"""
import concurrent.futures
import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import typing

from kill_runs import ROOT, make_model, make_rows, result

COMMON = ["--max_steps", "5", "--val_size", "4", "--eval_steps", "2", "--save_steps", "1",
          "--save_total_limit", "2", "--sample_count", "1", "--max_new_tokens", "2", "--precision", "fp32", "--threads", "1",
          "--per_device_train_batch_size", "2", "--checkpoint_epoch", "0", "--max_rejected", "0.2"]
# The first gets better to its end; the second gets worse, so that the best of it becomes the model.
KINDS = {"full": ["--learning_rate", "0.003"], "lora": ["--learning_rate", "2", "--finetuning_type", "lora", "--lora_rank", "4"]}
# What a failing call can say. Reading and removing take no room.
ENOSPC, EIO = str(errno.ENOSPC), str(errno.EIO)
WAYS = {"write": [ENOSPC, EIO, "short", "full", "dead"], "create": [ENOSPC, EIO, "full", "dead"], "mkdir": [ENOSPC, EIO],
        "flush": [EIO, "dead"], "rename": [EIO, "dead"], "link": [ENOSPC, EIO], "remove": [EIO], "truncate": [EIO], "open": [EIO]}
CLEAR_DISK = re.compile(r"^keel: \S+: .+: (No space left on device|Input/output error)$", re.MULTILINE)
CLEAR_MEMORY = re.compile(r"^keel: out of memory$|^keel: \S+: .+: Cannot allocate memory$", re.MULTILINE)
IN_ALLOCATOR = "the allocator failed"  # tests/faults/failing_memory.cc says why
OFTEN = "retain:false,dirty_decay_ms:0,muzzy_decay_ms:0"  # the allocator asks the system each time, and not in large pieces
MEMORY_FAULTS = 60  # of some thousands, in each of two ways; "all": each
CLOCK_FAULTS = 8  # in each of three ways, from the first look to near the last
UNPRUNED = re.compile(r"warning: (cannot remove the old checkpoint|old checkpoints stay|the optimiser's state in an older)")
STARTED_OVER = "starting from the beginning"
SECONDS = 60  # a run takes about one


class Call(typing.NamedTuple):
    thread: str  # "main", or "beside" it
    number: int  # among those of its thread
    name: str
    path: str


class Fault(typing.NamedTuple):
    name: str
    environment: dict
    clear: typing.Optional[re.Pattern] = None  # the text of an end with code 2; None: the run has to go on


def said(text):
    """The error, or else the last words."""
    error = text.rfind("\nkeel: ")
    return text[error + 1:][:400] if error >= 0 else text[-400:]


class Sweep:
    def __init__(self, program, library, work):
        self.program, self.library, self.work = program, library, work
        self.allocator_ends = 0
        self.known = {}  # what came of going on from a disk, by its mark: most faults leave one that was seen before
        make_model(work / "model")
        make_rows(work / "rows.jsonl", 10)
        with open(work / "rows.jsonl", "a") as rows:
            rows.write('{"instruction": "say"}\n')  # goes to rejected.jsonl

    def run(self, kind, disk, more=(), **fault):
        """Runs on a `disk` that holds the run folder and the token cache; exit code and words."""
        args = [self.program, "train", "--model_name_or_path", self.work / "model", "--dataset", self.work / "rows.jsonl",
                "--output_dir", "run", "--dataset_prepared_path", "cache", *COMMON, *KINDS[kind], *more]
        environment = dict(os.environ, GOMP_SPINCOUNT="1000")  # with it the program does not begin anew
        if fault:
            environment.update(LD_PRELOAD=str(self.library), KEEL_DISK=str(disk), **fault)
        try:
            done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  cwd=disk, env=environment, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "timeout", ""
        return done.returncode, done.stdout

    def calls(self, kind, before):
        """Every call of an undisturbed run, and what the run leaves."""
        disk, log = self.work / "undisturbed", self.work / "calls.log"
        more = self.prepare(kind, disk, before)
        code, text = self.run(kind, disk, more, KEEL_DISK_LOG=str(log))
        if code != 0:
            sys.exit(f"the undisturbed run ended with code {code}:\n{text}")
        found = state(disk / "run")
        calls = [line.split(" ", 2) for line in log.read_text().splitlines()]
        log.unlink()
        shutil.rmtree(disk)
        return numbered([(thread, name, path.replace(str(disk), "")) for thread, name, path in calls]), found

    def prepare(self, kind, disk, sessions):
        """A disk with a run that was stopped so often; the arguments to go on with."""
        disk.mkdir()
        if sessions == 0:
            return ()
        ready = self.work / f"{kind}-stopped-{sessions}"
        if not ready.exists():
            ready.mkdir()
            for _ in range(sessions):
                code, text = self.run(kind, ready, ["--max_time", "1e-9", "--resume", "true"])
                if code != 0:
                    sys.exit(f"a stopped run ended with code {code}:\n{text}")
        shutil.copytree(ready, disk, dirs_exist_ok=True)
        return "--resume", "true"

    def asked_of_machine(self, kind, sessions):
        """How often an undisturbed run asks the system for memory, and how often for the time."""
        disk, log = self.work / "undisturbed", self.work / "asked.log"
        code, text = self.run(kind, disk, self.prepare(kind, disk, sessions), MALLOC_CONF=OFTEN, KEEL_MACHINE_LOG=str(log))
        if code != 0:
            sys.exit(f"the undisturbed run ended with code {code}:\n{text}")
        shutil.rmtree(disk)
        return [int(count) for count in log.read_text().split()]

    def problems(self, kind, sessions, fault, expected):
        """What went wrong under that fault."""
        disk = self.work / f"{kind}-{sessions}-{fault.name}"
        more = self.prepare(kind, disk, sessions)
        code, text = self.run(kind, disk, more, **fault.environment)
        out = []
        if sessions > 0 and STARTED_OVER in text:
            out.append("started over although there was a checkpoint")
        in_allocator = code == 128 + signal.SIGSEGV and fault.clear is CLEAR_MEMORY and IN_ALLOCATOR in text
        self.allocator_ends += in_allocator
        if code not in (0, 2) and not in_allocator:
            out.append(f"ended with code {code}: {said(text)}")
        elif code == 2 and fault.clear is None:
            out.append(f"is no reason to end: {said(text)}")
        elif code == 2 and not fault.clear.search(text):
            out.append(f"not a clear text: {said(text)}")
        unpruned = code == 0 and UNPRUNED.search(text) is not None  # at the very end, and said
        key = (kind, unpruned, mark(disk))
        if key not in self.known:
            self.known[key] = self.after_resume(kind, disk, expected, unpruned)
        shutil.rmtree(disk)
        return out + self.known[key]

    def after_resume(self, kind, disk, expected, unpruned):
        out = []
        saved = any((disk / "run/checkpoints").glob("step-*[0-9]"))
        code, text = self.run(kind, disk, ["--resume", "true"])
        if saved and STARTED_OVER in text:
            out.append(f"started over although there was a checkpoint: {said(text)}")
        if code != 0:
            out.append(f"the resumed run ended with code {code}: {said(text)}")
        elif "damaged" in text:
            out.append(f"a damaged checkpoint: {said(text)}")
        elif not equal(found := state(disk / "run"), expected, unpruned):
            out.append("the resumed run left other things: " + difference(found, expected))
        return out


def state(run):
    """Names of all files, and of weights, moments and metrics what is in them."""
    names = sorted(str(p.relative_to(run)) for p in run.rglob("*") if "tensorboard" not in p.parts)
    weights = {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*.safetensors")}
    return names, weights, result(run)[1]


def mark(disk):
    """The same for two disks from which a run goes on in the same way: clocks and numbers of processes are left out."""
    marks = []
    for path in sorted(p for p in disk.rglob("*") if p.is_file() and "tensorboard" not in p.parts):
        content = path.read_bytes()
        if path.suffix == ".json":
            content = keys_of(content)
        elif path.name == "metrics.jsonl":
            content = (content.count(b"\n"), content[-1:])
        elif path.suffix in (".html", ".yaml"):
            content = len(content) > 0
        marks.append((without_numbers(path.relative_to(disk)), hash(content)))
    return tuple(marks)


def keys_of(text):
    try:
        value = json.loads(text)
    except ValueError:
        return "broken", text
    return str(sorted(value)) if isinstance(value, dict) else str(value)


def without_numbers(path):
    """The token cache's folders end in the number of the process, event files hold the time."""
    return re.sub(r"(?<=[0-9a-f]{16})\.\d+|tfevents.*", "", str(path))


def equal(found, expected, unpruned):
    """unpruned: older checkpoints may have stayed as they were."""
    if not unpruned:
        return found == expected
    rest = {name for name in found[0] if not name.startswith("checkpoints/step-00000")}
    return (set(found[0]) >= set(expected[0]) and rest <= set(expected[0]) and found[2] == expected[2]
            and all(found[1][name] == expected[1][name] for name in expected[1]))


def difference(found, expected):
    names = sorted(set(found[0]) ^ set(expected[0]))
    weights = [name for name in expected[1] if found[1].get(name) != expected[1][name]]
    return f"names {names}, weights {weights}, metrics {'other' if found[2] != expected[2] else 'equal'}"


def numbered(calls):
    """The training's calls, then those of what is written beside it: which comes first changes from run to run, but not the
    order of each by itself."""
    return [Call(thread, number, name, path) for wanted in ("main", "beside")
            for number, (thread, name, path) in enumerate((c for c in calls if c[0] == wanted), start=1)]


def faults_of(calls, every_way):
    """(call, way): every call fails, the first and the last of its kind on a file in every way, others in one."""
    kinds = [(c.thread, c.name, re.sub(r"step-\d+", "step", without_numbers(c.path))) for c in calls]
    last = {kind: i for i, kind in enumerate(kinds)}
    seen, out = set(), []
    for i, (call, kind) in enumerate(zip(calls, kinds)):
        ways = WAYS[call.name]
        all_of_them = every_way or kind not in seen or last[kind] == i
        out += [(call, way) for way in (ways if all_of_them else [ways[i % len(ways)]])]
        seen.add(kind)
    return out


def disk_faults(calls, every_way):
    return [Fault(f"{call.name} {call.path.rsplit('/', 1)[-1]}, {call.thread} {call.number}, {way}",
                  {"KEEL_DISK_FAULT": f"{call.thread}:{call.number}:{way}"}, None if way == "short" else CLEAR_DISK)
            for call, way in faults_of(calls, every_way)]


def memory_faults(asked, every):
    return [Fault(f"memory {number}, {how}", {"MALLOC_CONF": OFTEN, "KEEL_MEMORY_FAULT": f"{number}:{how}"}, CLEAR_MEMORY)
            for number in range(1, asked + 1, every) for how in ("once", "gone")]


def clock_and_pace(looks):
    clocks = [Fault(f"the clock {how} from look {look}", {"KEEL_CLOCK": f"{look}:{how}"})
              for how in ("stands", "back", "ahead") for look in range(1, looks + 1, max(1, looks // CLOCK_FAULTS))]
    return clocks + [Fault("a slow disk", {"KEEL_DISK_SLOW": "20"})]


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else "each"
    program = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "build/keel").resolve()
    library = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else program.parent / "tests/faults/failing_machine.so"
    points = failures = 0
    with tempfile.TemporaryDirectory(prefix="keel-faults-") as name:
        sweep = Sweep(program, library.resolve(), pathlib.Path(name))
        plan = []
        for kind in KINDS:
            for sessions in (0, 3):  # from the start; going on behind the third step
                calls, expected = sweep.calls(kind, sessions)
                asked, looks = sweep.asked_of_machine(kind, sessions)
                points += len(calls) + asked + looks
                every = 1 if wanted == "all" else max(1, asked // MEMORY_FAULTS)
                faults = disk_faults(calls, wanted == "all") + memory_faults(asked, every) + clock_and_pace(looks)
                plan += [(kind, sessions, fault, expected) for fault in faults]
        if wanted.isdigit():
            plan = plan[::max(1, len(plan) // int(wanted))]
        print(f"{points} calls, {len(plan)} faults", flush=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda p: sweep.problems(*p), plan)
            for (kind, sessions, fault, _), problems in zip(plan, found):
                failures += bool(problems)
                for problem in problems:
                    print(f"{kind}, {sessions} sessions, {fault.name}: {problem}", flush=True)
    if sweep.allocator_ends:
        print(f"{sweep.allocator_ends} times the allocator itself failed; nothing was lost")
    print(f"{points} calls, {len(plan)} faults, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
