"""Logs for tests: written by the real writer, on the virtual clock."""

import hashlib
from pathlib import Path
from typing import Any

from qst.clock import VirtualClock
from qst.instruments import Modality
from qst.record.lines import TraceHasher
from qst.record.log import LogWriter
from qst.record.records import (
    Censoring,
    Decision,
    End,
    Header,
    InstrumentEntry,
    Instruments,
    Note,
    Outcome,
    Resume,
    State,
    Trace,
    Trial,
    TrialStart,
    VisitOutcome,
)

STATES = ("adapt", "settle", "ready", "ramp", "return", "done")


def header(**changes: Any) -> Header:
    fields: dict[str, Any] = {
        "schema_version": 1,
        "software_version": "0.1.0",
        "study_id": "study",
        "session_uuid": "00000000-0000-4000-8000-000000000001",
        "participant_id": "P01",
        "visit": 2,
        "operator_id": "OP1",
        "simulated": True,
        "seed": 7,
        "clock": "virtual",
        "utc_offset_s": 3600,
        "protocol_id": "demo",
        "protocol_version": "1",
        "protocol_sha256": "0" * 64,
        "protocol_text": "id: demo\nramp: 0.3 °C/s\n",
        "station_id": "default",
        "station_text": "",
        "participant_model": "",
        "n_planned": 3,
    }
    return Header(**(fields | changes))


def instruments() -> Instruments:
    return Instruments(
        instruments=(
            InstrumentEntry(
                role="algometer", driver="mark10", link="sim://mark10", model="M5-20", serial="A1", tip_area_cm2=1.0
            ),
            InstrumentEntry(
                role="thermode",
                driver="medoc-mms",
                link="sim://medoc-mms",
                model="TSA-2",
                serial="T1",
                firmware="1.2",
                calibration_date="1999-12-01",
                thermode_area_cm2=9.0,
            ),
        )
    )


def forge(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace ``old`` and make all hashes fit again, as somebody with a purpose could."""
    out, prev = b"", b"0" * 64
    for line in data.replace(old, new).split(b"\n")[:-1]:
        body = line[:-140] + prev + b'"'
        prev = hashlib.sha256(body).hexdigest().encode()
        out += body + b',"hash":"' + prev + b'"}\n'
    return out


def resume(torn: str = "", next_index: int = 1, clock: str = "virtual") -> Resume:
    return Resume(
        software_version="0.2.0",
        operator_id="OP2",
        clock=clock,
        seed=7,
        torn=torn,
        next_sequence_index=next_index,
    )


def start(index: int, attempt: int = 1, **changes: Any) -> TrialStart:
    fields: dict[str, Any] = {
        "sequence_index": index,
        "attempt": attempt,
        "step_id": f"heat/THE/R/{index}",
        "block": "thermal",
        "modality": Modality.HEAT,
        "site_code": "THE",
        "side": "R",
        "repeat_index": index,
        "is_practice": False,
    }
    return TrialStart(**(fields | changes))


def trial(index: int, attempt: int = 1, **changes: Any) -> Trial:
    fields: dict[str, Any] = {
        "sequence_index": index,
        "attempt": attempt,
        "block": "thermal",
        "step_id": f"heat/THE/R/{index}",
        "modality": Modality.HEAT,
        "method": "limits",
        "site_code": "THE",
        "side": "R",
        "repeat_index": index,
        "is_practice": False,
        "instrument": "medoc-mms",
        "source": "device",
        "start_value": 32.0,
        "rate_commanded": 0.3,
        "rate_achieved_mean": 0.2998,
        "rate_achieved_sd": 0.002,
        "rate_flag": "",
        "cutoff": 50.0,
        "return_rate": 1.0,
        "settle_s": 3.2,
        "isi_s": None,
        "value_at_response": 37.86,
        "value_peak": 37.91,
        "value_reported": 37.9,
        "unit_ucum": "Cel",
        "value_display": 37.9,
        "display_unit": "Cel",
        "response_latency_s": 19.55,
        "ramp_duration_s": 19.6,
        "outcome": Outcome.RESPONSE,
        "censoring": Censoring.NONE,
        "valid": True,
        "invalid_reason": "",
        "supersedes": None,
        "raw_text": "",
        "time_ge_43_s": 0.0,
        "cem43_min": 0.0001,
        "omega": 1e-9,
        "n_samples": 0,
        "trace_sha256": "",
        "t_start_s": 0.0,
    }
    return Trial(**(fields | changes))


def write_attempt(  # the shape of an attempt as the engine writes it
    writer: LogWriter, clock: VirtualClock, index: int, attempt: int = 1, *, samples: int = 6, **changes: Any
) -> None:
    keep = {key: changes[key] for key in ("supersedes",) if key in changes}
    writer.write(start(index, attempt, **keep))
    for state in STATES[:4]:
        clock.sleep(0.5)
        writer.write(State(sequence_index=index, attempt=attempt, state=state))
    hasher = TraceHasher()
    for first in range(0, samples, 150):
        count = min(150, samples - first)
        clock.sleep(0.02 * count)
        record = Trace(
            sequence_index=index,
            attempt=attempt,
            unit="Cel",
            t_s=[round(0.02 * (first + i), 4) for i in range(count)],
            value=[round(32 + 0.0061 * (first + i), 4) for i in range(count)],
        )
        hasher.add(writer.write(record))
    writer.write(trial(index, attempt, n_samples=samples, trace_sha256=hasher.hexdigest(), **changes))
    writer.commit()


def write_visit(path: Path, *, n_trials: int = 3, samples: int = 6, **header_changes: Any) -> bytes:
    """A completed visit; the second trial has a rejected first attempt. Returns the file's bytes."""
    clock = VirtualClock()
    with LogWriter.create(path, clock, sync=False) as writer:
        writer.write(header(n_planned=n_trials, **header_changes))
        writer.write(instruments())
        n_attempts = 0
        for index in range(1, n_trials + 1):
            clock.sleep(1.0)
            write_attempt(writer, clock, index, samples=samples)
            n_attempts += 1
            if index == 2:
                writer.write(Note(text="talked, “slipped” °", by="OP1", sequence_index=2))
                writer.write(Decision(sequence_index=2, attempt=1, decision="invalid", reason="slipped", by="OP1"))
                write_attempt(writer, clock, 2, 2, samples=samples, supersedes=1)
                n_attempts += 1
            writer.write(Decision(sequence_index=index, attempt=2 if index == 2 else 1, decision="accept"))
        writer.write(End(outcome=VisitOutcome.COMPLETED, reason="", n_trials=n_attempts, summary=()))
        writer.commit()
    return path.read_bytes()
