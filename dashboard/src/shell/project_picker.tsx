import { type FormEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { Dialog } from "../components/dialog";
import { Icon } from "../components/icon";
import { address, recentProjects, useProject } from "../project";

/** Which project this is, and the way to another one. A project needs no creation, so any name will do. */
export function ProjectPicker() {
  const project = useProject();
  const [open, setOpen] = useState(false);
  const [, navigate] = useLocation();
  const list = useId();
  const go = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get("project");
    if (typeof name !== "string" || !name.trim()) return;
    setOpen(false);
    navigate(address("/", name.trim()));
  };
  return (
    <>
      <button
        type="button"
        className="project"
        onClick={() => setOpen(true)}
        aria-label={`Project ${project}, choose another`}
      >
        <span className="clip">{project}</span>
        <Icon name="down" />
      </button>
      {open && (
        <Dialog title="Project" onClose={() => setOpen(false)}>
          <form className="form" onSubmit={go}>
            <label className="field">
              <span>Name</span>
              <input
                name="project"
                defaultValue={project}
                list={list}
                pattern="[A-Za-z0-9._~:\-]{1,128}"
                title="Letters, digits and . _ ~ : -"
                autoComplete="off"
                required
              />
              <datalist id={list}>
                {recentProjects().map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </label>
            <p className="quiet">Runs of a project are seen by those who look at that project only.</p>
            <div className="form-actions">
              <button type="submit" className="button button-main">
                Show
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
