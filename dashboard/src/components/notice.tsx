import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon";

interface Properties {
  icon?: IconName;
  title: string;
  children?: ReactNode;
  tone?: "bad";
  /** Whether there is nothing else on the page. */
  page?: boolean;
}

/** What a page says when it has nothing to show: why, and what to do. */
export function Notice({ icon, title, children, tone, page = false }: Properties) {
  const Heading = page ? "h1" : "h2";
  return (
    <div className="notice" data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      {icon && <Icon name={icon} />}
      <Heading>{title}</Heading>
      {children && <div className="notice-text">{children}</div>}
    </div>
  );
}

/** Grey rows where rows will be. */
export function Waiting({ rows = 5, label }: { rows?: number; label: string }) {
  return (
    <div className="skeletons" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <span key={index} className="skeleton" />
      ))}
    </div>
  );
}
