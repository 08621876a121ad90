"""What the judgement costs, beside others on the same samples in one run: ``python -m benchmarks``.

The samples are simulated walking at 100 Hz. scikit-digital-health and mobgap are measured where they
are installed, the C pass where there is a compiler. One thread; processor time, so that other work
on the machine does not count; the best of three runs, or the median over blocks.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for everybody

import argparse
import ctypes
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import BLOCK_S, GRAVITY_MPS2, SampleBlock
from monitor.recordings.simulated_walker import Move, Walk, walk
from monitor.weights import shipped

RATE_HZ = 100.0
SCRIPT = [(10.0, Move.STAND), (140.0, Move.BACKWARD), (10.0, Move.STAND), (140.0, Move.FORWARD)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="length of the simulated day (default: 24)")
    hours = parser.parse_args().hours
    walked = walk(SCRIPT * 12, RATE_HZ, seed=1)  # an hour
    print(f"{len(walked.contact_s)} steps in an hour of walking, {len(walked.accel_g)} samples\n")
    print(f"{'one hour of recording, s':<52}{'seconds':>10}{'steps':>8}")
    for name, work in {
        "Rearguard, the whole core, as one block": lambda: whole(walked, 3600.0),
        "Rearguard, the whole core, in blocks of a minute": lambda: whole(walked, 60.0),
        "scikit-digital-health GaitLumbar (gait only)": lambda: skdh_steps(walked),
        "mobgap IcdIonescu (initial contacts only)": lambda: mobgap_steps(walked, "IcdIonescu"),
        "mobgap IcdShinImproved (initial contacts only)": lambda: mobgap_steps(walked, "IcdShinImproved"),
        "mobgap IcdHKLeeImproved (initial contacts only)": lambda: mobgap_steps(walked, "IcdHKLeeImproved"),
        "plain C, one pass (tilt, steps, peak)": lambda: c_steps(walked),
    }.items():
        report(name, work)
    print("\nimport, ms (fresh interpreter, best of five)")
    for module in ("numpy", "monitor.core.detector"):
        print(f"  {module:<50}{import_ms(module):>10.0f}")
    print(
        f"\nlive: one {1000 * BLOCK_S:.0f} ms block{'hour':>26}{'median ms':>12}{'99 %':>8}{'memory MB':>12}"
    )
    day(walked, hours)


def report(name: str, work: Callable[[], tuple[float, int]]) -> None:
    try:
        runs = [work() for _ in range(3)]
    except ImportError as error:
        print(f"{name:<52}{'-':>10}  {error.name} is not installed")
    except FileNotFoundError as error:
        print(f"{name:<52}{'-':>10}  no {error.filename} found")
    else:
        print(f"{name:<52}{min(seconds for seconds, _ in runs):>10.4f}{runs[0][1]:>8}")


def block(walked: Walk, start: int, stop: int, origin_s: float = 0.0) -> SampleBlock:
    time_s = origin_s + np.arange(start, stop) / RATE_HZ
    return SampleBlock(
        time_s, walked.accel_g[start:stop], walked.gyro_dps[start:stop], origin_s + stop / RATE_HZ
    )


def whole(walked: Walk, block_s: float) -> tuple[float, int]:
    size = round(block_s * RATE_HZ)
    blocks = [
        block(walked, i, min(i + size, len(walked.accel_g))) for i in range(0, len(walked.accel_g), size)
    ]
    began = process_time()
    detector = Detector(DetectorSettings(), shipped())
    events = [event for part in blocks for event in detector.update(part)]
    return process_time() - began, sum(event.kind == "step" for event in events)


def skdh_steps(walked: Walk) -> tuple[float, int]:
    from skdh.gait import GaitLumbar

    time_s = 1.6e9 + np.arange(len(walked.accel_g)) / RATE_HZ
    accel_g, gyro = walked.accel_g[:, ::-1].copy(), np.radians(walked.gyro_dps[:, ::-1])
    began = process_time()
    found = GaitLumbar().predict(time=time_s, accel=accel_g, gyro=gyro, fs=RATE_HZ, height=1.75)
    return process_time() - began, len(found["IC Timestamp"])


def mobgap_steps(walked: Walk, name: str) -> tuple[float, int]:
    import mobgap.initial_contacts
    import pandas as pd

    frame = pd.DataFrame(walked.accel_g[:, ::-1] * GRAVITY_MPS2, columns=["acc_is", "acc_ml", "acc_pa"])
    frame[["gyr_is", "gyr_ml", "gyr_pa"]] = walked.gyro_dps[:, ::-1]
    detector = getattr(mobgap.initial_contacts, name)()
    began = process_time()
    found = detector.detect(frame, sampling_rate_hz=RATE_HZ)
    return process_time() - began, len(found.ic_list_)


def c_steps(walked: Walk) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/single_pass.so"
        source = str(Path(__file__).with_name("single_pass.c"))
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
        single_pass = ctypes.CDLL(library).single_pass
    single_pass.restype = ctypes.c_long
    pointer = ctypes.POINTER(ctypes.c_double)
    accel, gyro = (np.ascontiguousarray(a).ctypes.data_as(pointer) for a in (walked.accel_g, walked.gyro_dps))
    peak = ctypes.c_double()
    began = process_time()
    steps = single_pass(
        accel, gyro, ctypes.c_long(len(walked.accel_g)), ctypes.c_double(RATE_HZ), ctypes.byref(peak)
    )
    return process_time() - began, steps


def import_ms(module: str) -> float:
    code = f"import time; began = time.process_time(); import {module}; print(time.process_time() - began)"
    folder = str(Path(__file__).parents[1])
    runs = [
        float(
            subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True).stdout
        )
        for _ in range(5)
    ]
    return 1000 * min(runs)


def day(walked: Walk, hours: int) -> None:
    """One detector through a whole day: live blocks in the first ten minutes of an hour, then seconds."""
    detector = Detector(DetectorSettings(), shipped())
    live, fast = round(BLOCK_S * RATE_HZ), round(RATE_HZ)
    for hour in range(hours):
        took_ms = []
        for start in range(0, 60000, live):
            part = block(walked, start, start + live, 3600.0 * hour)
            began = process_time()
            detector.update(part)
            took_ms.append(1000 * (process_time() - began))
        for start in range(60000, len(walked.accel_g), fast):
            detector.update(block(walked, start, start + fast, 3600.0 * hour))
        if hour in {0, 1, hours // 2, hours - 1}:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            median, late = np.quantile(took_ms, [0.5, 0.99])
            memory_mb = pages * os.sysconf("SC_PAGESIZE") / 2**20
            print(f"{hour + 1:>45}{median:>12.3f}{late:>8.3f}{math.ceil(memory_mb):>12}", flush=True)
