import { type KeyboardEvent, type ReactNode, useId } from "react";
import { count } from "../format/amount";

export interface Tab {
  id: string;
  label: string;
  count?: number;
}

/** Tabs after the pattern of the ARIA Authoring Practices: arrows move between them. */
export function Tabs({
  tabs,
  current,
  onChange,
  children,
}: {
  tabs: Tab[];
  current: string;
  onChange: (id: string) => void;
  children: ReactNode;
}) {
  const base = useId();
  const move = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === current);
    const to = tabs[(at + by + tabs.length) % tabs.length];
    if (!to) return;
    onChange(to.id);
    document.getElementById(`${base}${to.id}`)?.focus();
  };
  return (
    <>
      <div className="tabs" role="tablist" aria-label="Parts of the run" onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${base}${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab.id === current}
            aria-controls={`${base}panel`}
            tabIndex={tab.id === current ? 0 : -1}
            onClick={() => onChange(tab.id)}
          >
            {tab.label}
            {tab.count !== undefined && <span className="tab-count">{count(tab.count)}</span>}
          </button>
        ))}
      </div>
      <div className="panel" id={`${base}panel`} role="tabpanel" aria-labelledby={`${base}${current}`}>
        {children}
      </div>
    </>
  );
}
