import { type ReactNode, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { Icon } from "../components/icon";
import { useShortcuts } from "../keyboard";
import { useAddress } from "../project";
import { next, useTheme } from "../theme";
import { Help } from "./help";
import { ProjectPicker } from "./project_picker";

const THEME_WORDS = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

/** What is around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const address = useAddress();
  const [, navigate] = useLocation();
  const [helping, help] = useState(false);
  const [theme, nextTheme] = useTheme();
  const shortcuts = useMemo(
    () => [
      { keys: ["?"], label: "Show this list", run: () => help(true) },
      { keys: ["h"], label: "All runs", run: () => navigate(address("/")) },
      { keys: ["n"], label: "Start something", run: () => navigate(address("/new/ingest")) },
      { keys: ["t"], label: "Change the theme", run: next },
    ],
    [address, navigate],
  );
  useShortcuts(shortcuts);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="topbar">
        <div className="topbar-inner">
          <Link className="brand" href={address("/")}>
            <Logo />
            Milepost
          </Link>
          <ProjectPicker />
          <span className="topbar-space" />
          <button
            type="button"
            className="icon-button"
            onClick={nextTheme}
            aria-label={THEME_WORDS[theme]}
            title={THEME_WORDS[theme]}
          >
            <Icon name="theme" />
          </button>
          <button
            type="button"
            className="icon-button"
            onClick={() => help(true)}
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts"
          >
            <Icon name="help" />
          </button>
          <Link className="button button-main" href={address("/new/ingest")}>
            <Icon name="plus" />
            Start
          </Link>
        </div>
      </header>
      <main id="content" className="page" tabIndex={-1}>
        {children}
      </main>
      {helping && <Help onClose={() => help(false)} />}
    </>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path className="logo-stone" d="M4 18V8a6 6 0 0 1 12 0v10z" />
      <path className="logo-line" d="M7 9h6M7 12.5h3.5" />
    </svg>
  );
}
