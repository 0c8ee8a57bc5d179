import { useCancel } from "@milepost/react";
import { type FormEvent, useCallback, useEffect, useMemo, useState } from "react";
import { useNow } from "../../components/clock";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icon";
import { clock, duration } from "../../format/time";
import { useShortcuts } from "../../keyboard";
import { isOver, type Run, title } from "../../model/run";

/** Asks for cancellation, once it is sure that it is meant. */
export function CancelButton({ run, disabled }: { run: Run; disabled: boolean }) {
  const [asking, ask] = useState(false);
  const close = useCallback(() => ask(false), []);
  const requested = Boolean(run.cancel);
  const shortcuts = useMemo(
    () => (requested || disabled ? [] : [{ keys: ["c"], label: "Cancel this run", run: () => ask(true) }]),
    [requested, disabled],
  );
  useShortcuts(shortcuts);
  return (
    <>
      <button
        type="button"
        className="button button-danger"
        disabled={requested || disabled}
        onClick={() => ask(true)}
      >
        <Icon name="stop" />
        {requested ? "Cancelling…" : "Cancel"}
      </button>
      {asking && <CancelDialog run={run} onClose={close} />}
    </>
  );
}

function CancelDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const { cancel, isPending, request, error } = useCancel(run.id);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = new FormData(event.currentTarget).get("reason");
    void cancel(typeof reason === "string" && reason ? { reason } : {});
  };
  useEffect(() => {
    if (request) onClose();
  }, [request, onClose]);
  return (
    <Dialog title={`Cancel “${title(run)}”?`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <p>
          Its worker is asked to stop, with everything below it. Without its word within 30 seconds the server
          ends it.
        </p>
        <label className="field">
          <span>
            Reason <span className="quiet">optional</span>
          </span>
          <input name="reason" maxLength={1000} autoComplete="off" />
        </label>
        {error && (
          <p className="form-error" role="alert">
            {error.message}
          </p>
        )}
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Keep it running
          </button>
          <button type="submit" className="button button-danger" disabled={isPending}>
            {isPending ? "Asking…" : "Cancel the run"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The two phases: asked for, and acknowledged by the worker, or by the server when the worker said nothing. */
export function CancelSteps({ run, cancel }: { run: Run; cancel: NonNullable<Run["cancel"]> }) {
  const over = isOver(run.state);
  return (
    <ol className="steps" aria-label="Cancellation">
      <li data-done>
        <Icon name="check" />
        <span>
          <strong>Requested</strong> {clock(cancel.requested_at)}
          {cancel.by && ` by ${cancel.by}`}
          {cancel.reason && <q>{cancel.reason}</q>}
        </span>
      </li>
      <li data-done={over || undefined}>
        {over ? <Icon name="check" /> : <span className="steps-dot" />}
        {over ? (
          <Outcome run={run} acknowledged={cancel.acknowledged} />
        ) : (
          <Deadline deadline={cancel.deadline} />
        )}
      </li>
    </ol>
  );
}

function Outcome({ run, acknowledged }: { run: Run; acknowledged: boolean | null | undefined }) {
  if (run.state !== "cancelled") return <span>It ended before the worker heard of it</span>;
  const when = run.finished_at ? clock(run.finished_at) : "";
  return acknowledged ? (
    <span>
      <strong>Acknowledged</strong> {when} by the worker
    </span>
  ) : (
    <span>
      <strong>Ended</strong> {when} by the server: no word from the worker in time
    </span>
  );
}

function Deadline({ deadline }: { deadline: string }) {
  const left = Date.parse(deadline) - useNow();
  return (
    <span>
      <strong>Waiting for the worker</strong>{" "}
      {left > 0 ? `for ${duration(Math.ceil(left / 1000) * 1000)} more` : "no longer"}
    </span>
  );
}
