"""Documents into the index. Synchronous: it runs in a thread."""

from __future__ import annotations

import threading
from collections import defaultdict

from library import Library, passages
from models import IngestJob

from milepost.streaming import emit_ingest_event


class Cancelled(Exception):
    """Somebody asked the job to stop."""


class IngestService:
    def __init__(self) -> None:
        self.jobs: dict[str, IngestJob] = {}
        self.libraries: dict[str, Library] = defaultdict(Library)
        self._texts: dict[str, str] = {}
        self._stops: dict[str, threading.Event] = {}
        self._adding = threading.Lock()

    def create_job(self, project_id: str, name: str, text: str) -> IngestJob:
        job = IngestJob(project_id=project_id, name=name)
        self.jobs[job.id], self._texts[job.id], self._stops[job.id] = job, text, threading.Event()
        return job

    def cancel_job(self, job_id: str) -> None:
        self._stops[job_id].set()

    def process_job(self, job_id: str) -> None:
        job = self.jobs[job_id]
        emit_ingest_event(job.project_id, "ingest.job.created", job)

        try:
            self._update_stage(job_id, "PREPROCESSING")
            emit_ingest_event(job.project_id, "ingest.job.updated", job)
            parts = self._split(job_id)

            self._update_stage(job_id, "INDEXING")
            for number, part in enumerate(parts):
                self._add(job_id, part)
                self._update_progress(job_id, number + 1, len(parts))
                emit_ingest_event(job.project_id, "ingest.job.updated", job)

            self._complete_job(job_id)
            emit_ingest_event(job.project_id, "ingest.job.completed", job)
        except Cancelled:
            job.status = "cancelled"
            emit_ingest_event(job.project_id, "ingest.job.cancelled", job)
        except Exception as e:
            self._fail_job(job_id, str(e))
            emit_ingest_event(job.project_id, "ingest.job.failed", job, error=str(e))

    def _split(self, job_id: str) -> list[str]:
        parts = passages(self._texts[job_id])
        if not parts:
            raise ValueError("the document has no text")
        return parts

    def _add(self, job_id: str, part: str) -> None:
        if self._stops[job_id].is_set():
            raise Cancelled
        with self._adding:
            self.libraries[self.jobs[job_id].project_id].add(part)

    def _update_stage(self, job_id: str, stage: str) -> None:
        job = self.jobs[job_id]
        job.status, job.stage = "running", stage

    def _update_progress(self, job_id: str, current: int, total: int) -> None:
        job = self.jobs[job_id]
        job.current, job.total, job.unit = current, total, "passages"

    def _complete_job(self, job_id: str) -> None:
        self.jobs[job_id].status = "completed"

    def _fail_job(self, job_id: str, reason: str) -> None:
        job = self.jobs[job_id]
        job.status, job.message = "failed", reason
