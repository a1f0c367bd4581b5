"""Workers: where many recipes are done, as an executor.

Local processes, or a Dask cluster. Every worker does one recipe at a time.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue

# torch is imported inside the functions: a new process first settles which GPU it sees
# and that it draws no bars, which CUDA and tqdm look up once.

SECONDS_TO_CONNECT = 8


@contextmanager
def processes(jobs: int | None = None) -> Iterator[Executor]:
    """New processes on this machine, which share its cores and its GPUs evenly.

    They draw no bars. On an error inside the ``with`` block, as by Ctrl-C, and if this
    process is killed, they end at once: what they were doing resumes from its last
    checkpoint when it is asked for again.

    Args:
        jobs: How many; if not said, one a GPU, or without a GPU one a core.
    """
    gpus, cores = _gpus(), _cores()
    jobs = jobs or len(gpus) or cores
    spawn = multiprocessing.get_context("spawn")
    dealt = spawn.SimpleQueue()
    for i in range(jobs):
        dealt.put(gpus[i % len(gpus)] if gpus else None)
    end, held = spawn.Pipe(duplex=False)
    settings = (max(1, cores // jobs), dealt, end)
    with ProcessPoolExecutor(jobs, spawn, _begin, settings) as pool:
        try:
            yield pool
        except BaseException:
            # A little later: a pool whose workers end trips over what is cancelled by
            # then and not yet cleared away, which is shutdown's first act.
            threading.Timer(0.1, held.close).start()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster.

    What a worker was doing when it died, another does; what failed is tried once more,
    for the fault may have been the machine's.

    Args:
        address: Of the scheduler, as in ``"tcp://10.0.0.1:8786"``.

    Raises:
        ValueError: If dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            "a Dask cluster needs the extra 'cluster': pip install 'sslkit[cluster]'"
        ) from error
    # A client that found no scheduler closes when it is collected. Were that to happen
    # while the next one starts, both would wait for one lock, for ever.
    gc.collect()
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler at '{address}': {error}") from error
    with client:
        yield client.get_executor(pure=False, retries=1)


def _begin(threads: int, dealt: SimpleQueue[str | None], end: Connection) -> None:
    """In a new process: its share of the machine, and its end with its parent's."""
    gpu = dealt.get()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    os.environ["TQDM_DISABLE"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, args=(end,), daemon=True).start()
    import torch
    from tqdm.std import tqdm

    torch.set_num_threads(min(threads, torch.get_num_threads()))  # OMP_NUM_THREADS
    tqdm.set_lock(threading.RLock())  # its own is shared, and left over by an early end


def _end_with_parent(end: Connection) -> None:
    """Wait until the parent closes its side of a pipe, or dies; nothing is ever sent.

    Without it a worker of a killed parent would wait for work for ever.
    """
    end.poll(None)
    os._exit(1)


def _gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    count = torch.cuda.device_count()  # does not start CUDA in this process
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",")[:count] if visible else [str(i) for i in range(count)]


def _cores() -> int:
    """The cores that this process may use; a cluster may have given it a few."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS or Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
