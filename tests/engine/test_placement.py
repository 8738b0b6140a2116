"""Where a model runs: what "auto" means, cores, containers, GPUs that fail."""

import pytest

from whisper_cli.choices import ComputeType, Device
from whisper_cli.engine import device
from whisper_cli.engine.device import DeviceRequest, batch_for, cores, resolve_device
from whisper_cli.errors import ConfigError


@pytest.fixture
def gpus(monkeypatch):
    import ctranslate2

    def see(count: int) -> None:
        monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)

    return see


def test_auto_is_int8_without_a_gpu_and_float16_with_one(gpus):
    gpus(0)
    found = resolve_device(DeviceRequest())
    assert (found.device, found.compute_type) == (Device.cpu, ComputeType.int8)
    with pytest.raises(ConfigError, match="no CUDA device"):
        resolve_device(DeviceRequest(Device.cuda))
    gpus(2)
    found = resolve_device(DeviceRequest(threads=2))
    assert (found.device, found.compute_type) == (Device.cuda, ComputeType.float16)
    assert (found.workers, found.fallback) == (2, True)
    assert resolve_device(DeviceRequest(Device.cuda)).fallback is False


def test_each_core_has_a_worker_and_flags_win(gpus, monkeypatch):
    gpus(0)
    monkeypatch.setattr(device, "cores", lambda: 6)
    assert (resolve_device(DeviceRequest()).workers, resolve_device(DeviceRequest()).threads) == (
        6,
        1,
    )
    asked = resolve_device(DeviceRequest(workers=2, threads=8, batch=3))
    assert (asked.workers, asked.threads, asked.batch) == (2, 4, 3)
    assert (asked.for_one().workers, asked.for_one().threads) == (1, 8)


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 0),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 0),
        ({}, 0),
    ],
)
def test_the_quota_of_a_container_is_read(tmp_path, files, count):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert device._quota(tmp_path) == count


@pytest.mark.parametrize(
    ("mine", "files", "count"),
    [
        ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "300000 100000"}, 3),
        (
            "0::/a.slice/b.service\n",
            {"a.slice/b.service/cpu.max": "max 100000", "a.slice/cpu.max": "200000 100000"},
            2,
        ),
        (
            "9:name=systemd:/x\n4:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "400000", "cpu/a/cpu.cfs_period_us": "100000"},
            4,
        ),
        ("0::/elsewhere\n", {"cpu.max": "100000 100000"}, 1),
        ("0::/../outside\n", {"cpu.max": "max 100000"}, 0),
    ],
)
def test_the_quota_of_a_service_is_read(tmp_path, mine, files, count):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert device._quota(tmp_path, mine) == count


def test_there_is_at_least_one_core():
    assert cores() >= 1


def test_a_batch_fits_the_memory_of_the_gpu():
    assert batch_for(0) == 16
    assert batch_for(1000) == 4
    assert batch_for(6000) == 20
    assert batch_for(80_000) == 64
