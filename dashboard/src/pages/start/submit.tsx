/** The end of a form: what went wrong, and the button that sends it. */
export function Submit({ word, pending, error }: { word: string; pending: boolean; error: string | null }) {
  return (
    <>
      {error && (
        <p className="form-error" role="alert">
          {error}
        </p>
      )}
      <div className="form-actions">
        <button type="submit" className="button button-main" disabled={pending}>
          {pending ? "Starting…" : word}
        </button>
      </div>
    </>
  );
}
